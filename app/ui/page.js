// The page of the query view. Everything that comes from a server becomes text, never markup.
"use strict";

const $ = (id) => document.getElementById(id);
const REFRESH_MS = 2000;
let lookups = 0; // the latest lookup wins, whatever comes back later
let shown = { user: null, ids: new Set() };

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
  }
}

async function ask(path) {
  const key = $("key").value;
  const headers = { Accept: "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  const response = await fetch(path, { headers });
  const body = await response.json();
  if (!response.ok) throw new Refused(response.status, body);
  return body;
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

const named = (video) => video.title || video.video_id;
const moment = (text) => (text ? new Date(text).toLocaleString() : "never");

function listItem(video, text, share, isNew) {
  const item = element("li");
  const row = element("div", undefined, "row");
  const name = element("span", named(video), "name");
  name.title = video.video_id;
  row.append(name, element("span", text, "value"));
  if (share !== null) {
    const meter = element("meter");
    meter.value = share;
    meter.setAttribute("aria-label", `share of the best: ${Math.round(100 * share)} %`);
    row.append(meter);
  }
  if (isNew) item.className = "changed";
  item.append(row);
  return item;
}

function facts(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([term, value]) => [element("dt", term), element("dd", value)]));
}

function showList(userId, answer) {
  const best = answer.items.length ? answer.items[0].score : 0;
  const before = shown.user === userId ? shown.ids : null;
  const digits = answer.source === "popular" ? 0 : 4;
  $("items").replaceChildren(...answer.items.map((item) => listItem(
    item, item.score.toFixed(digits), best > 0 ? Math.max(0, item.score / best) : null,
    before !== null && !before.has(item.video_id),
  )));
  shown = { user: userId, ids: new Set(answer.items.map((item) => item.video_id)) };
  const source = answer.source === "popular" ? "what is popular" : "solved from the history";
  const version = answer.model_version || "no model";
  const reason = answer.reason ? ` · empty: ${answer.reason.replaceAll("_", " ")}` : "";
  $("list-facts").textContent =
    `${userId} · ${source} · region ${answer.region} · model ${version} · as of ${moment(answer.as_of)}${reason}`;
}

function showUser(found, routing) {
  facts($("user-facts"), [
    ["Partition", String(routing.partition)],
    ["Owner", (routing.owner || "none now") + (routing.here ? " (answers here)" : "")],
    ...(found ? [
      ["Region", found.region || "not named"],
      ["Scored by", found.model_version || "no model"],
      ["Last event", moment(found.last_event)],
      ["Counts", Object.entries(found.counts).map(([kind, n]) => `${n} ${kind}`).join(", ") || "none"],
    ] : []),
  ]);
  const history = found ? found.history : [];
  $("history").hidden = !history.length;
  $("history").tBodies[0].replaceChildren(...history.map((fact) => {
    const row = element("tr");
    const value = fact.kind === "rate" ? ` ${fact.value} ★` : fact.kind === "play" ? ` ${Math.round(fact.value)} s` : "";
    row.append(element("td", moment(fact.ts)), element("td", fact.kind.replace("_", " ") + value), element("td", named(fact)));
    return row;
  }));
}

async function historyOf(path) {
  try {
    return [await ask(path), ""];
  } catch (error) {
    if (!(error instanceof Refused) || ![401, 403, 404].includes(error.status)) throw error;
    return [null, error.message];
  }
}

async function lookUp() {
  const userId = $("user-id").value;
  if (!userId) return;
  const number = ++lookups;
  const user = encodeURIComponent(userId);
  const query = new URLSearchParams({ limit: $("limit").value, include_seen: $("include-seen").checked });
  $("list").setAttribute("aria-busy", "true");
  try {
    const [answer, [found, note], routing] = await Promise.all([
      ask(`/v1/users/${user}/recommendations?${query}`),
      historyOf(`/v1/users/${user}`),
      ask(`/v1/routing/users/${user}`),
    ]);
    if (number !== lookups) return;
    showList(userId, answer);
    showUser(found, routing);
    $("history-note").textContent = note;
    $("history-note").hidden = !note;
    $("message").hidden = true;
  } catch (error) {
    if (number === lookups) complain(error);
  } finally {
    if (number === lookups) $("list").setAttribute("aria-busy", "false");
  }
}

function complain(error) {
  $("message").textContent = error.message;
  $("message").hidden = false;
}

async function showModels() {
  const { regions } = await ask("/v1/models");
  const lists = regions.map((region) => {
    const list = element("dl");
    facts(list, [
      ["Region", region.region],
      ["Active", region.active || "none"],
      ["Previous", region.previous || "none"],
      ["Since", moment(region.activated_at)],
      ["Size", region.videos === null ? "none" : `${region.videos} videos × ${region.factors} factors`],
      ...region.rejected.slice(0, 5).map((rejection) => ["Refused", `${rejection.version}: ${rejection.reason}`]),
    ]);
    return list;
  });
  $("models").replaceChildren(...(lists.length ? lists : [element("p", "No model was announced yet.")]));
}

async function showPopular() {
  const { items } = await ask("/v1/videos/popular?days=10&limit=10");
  const most = items.length ? items[0].count : 1;
  $("popular").replaceChildren(...items.map((item) => listItem(item, String(item.count), item.count / most, false)));
  $("popular-note").textContent = items.length ? "" : "No play or like was counted.";
  $("popular-note").hidden = Boolean(items.length);
}

async function showHealth() {
  const badge = $("health");
  try {
    await ask("/health/ready");
    badge.textContent = "ready";
    badge.className = "badge good";
  } catch (error) {
    badge.textContent = `not ready: ${error.message}`;
    badge.className = "badge bad";
  }
}

async function showShared() {
  try {
    await Promise.all([showModels(), showPopular(), showHealth()]);
  } catch (error) {
    complain(error);
  }
}

$("lookup").addEventListener("submit", (event) => {
  event.preventDefault();
  shown = { user: null, ids: new Set() };
  window.location.hash = encodeURIComponent($("user-id").value);
  lookUp();
});
$("key").addEventListener("change", showShared);
window.setInterval(() => {
  if (!$("live").checked || document.hidden) return;
  lookUp();
  showShared();
}, REFRESH_MS);

try {
  $("user-id").value = decodeURIComponent(window.location.hash.slice(1));
} catch {
  $("user-id").value = "";
}
showShared();
lookUp();
