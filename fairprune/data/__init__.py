"""Data sets: the files of real ones, splits, and batches made on the device."""
