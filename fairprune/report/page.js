"use strict";
const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView({ block: "start" });
  }
};
addEventListener("hashchange", reveal);
addEventListener("DOMContentLoaded", reveal);
