// Everything works without this file. It tells of new articles, and moves between lines with j and k.
(() => {
  "use strict";
  const body = document.body;
  const news = document.querySelector(".news");
  const EVERY = 10000;
  let tag = "";

  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/live", tag ? { headers: { "If-None-Match": tag } } : {});
      if (answer.status !== 200) return;
      tag = answer.headers.get("ETag") || "";
      const now = await answer.json();
      if (now.generation === Number(body.dataset.generation)) return;
      const came = now.articles - Number(body.dataset.articles);
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = came > 0 ? `${came} new ${came === 1 ? "article" : "articles"}: show` : "Something changed: show";
      link.addEventListener("click", (event) => {
        event.preventDefault();
        location.reload();
      });
      news.replaceChildren(link);
    } catch {
      // The desk is away for a moment; the next look tells.
    }
  }
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);

  const lines = [...document.querySelectorAll("[data-line]")];
  let at = -1;
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("q").focus();
    } else if ((event.key === "j" || event.key === "k") && lines.length) {
      at = Math.max(0, Math.min(lines.length - 1, at + (event.key === "j" ? 1 : -1)));
      const link = lines[at].querySelector("a");
      link.focus();
      lines[at].scrollIntoView({ block: "nearest" });
    }
  });
})();
