"""Conformance: what criteria, methods that train and repairs have to keep to, whoever wrote them."""
