// Numbers, times and names as a person reads them. Nothing here asks anybody anything.

const UNITS = ["", "k", "M", "G", "T", "P"];

/** A number with three digits and a prefix: 1.23 M. */
export function short(value, unit = "") {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  let size = Math.abs(value), step = 0;
  while (size >= 999.5 && step < UNITS.length - 1) { size /= 1000; step += 1; }
  const digits = size >= 100 || (step === 0 && Number.isInteger(value)) ? 0 : size >= 10 ? 1 : 2;
  const tail = `${UNITS[step]}${unit}`;
  return `${value < 0 ? "−" : ""}${size.toFixed(digits)}${tail ? ` ${tail}` : ""}`;
}

/** A share from 0 to 1 in per cent. */
export function percent(share, digits = 0) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  return `${(share * 100).toFixed(digits)} %`;
}

/** A length of time, in its largest one or two units. */
export function span(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes < 10 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d`;
}

/** How long ago something was, coarsely, so that it does not flicker. */
export function ago(unixMs, nowMs) {
  if (!unixMs) return "never";
  const seconds = Math.max(0, Math.round((nowMs - unixMs) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds - (seconds % 5)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

const two = (number) => String(number).padStart(2, "0");

/** The time of day, with seconds. */
export function clock(unixMs) {
  const at = new Date(unixMs);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Day and time of day, for what may lie days back. */
export function moment(unixMs) {
  const at = new Date(unixMs), today = new Date();
  const sameDay = at.toDateString() === today.toDateString();
  return sameDay ? clock(unixMs) : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(unixMs)}`;
}

const METRICS = {
  cpu_of_limit: ["CPU of the limit", "share"],
  cpu_cores: ["CPU", "cores"],
  bytes: ["Traffic", "B/s"],
  bytes_in: ["Traffic in", "B/s"],
  bytes_out: ["Traffic out", "B/s"],
  packets: ["Packets", "/s"],
  connections: ["New connections", "/s"],
  memory_of_limit: ["Memory of the limit", "share"],
  memory_bytes: ["Memory", "B"],
};

/** A metric's name in words. */
export function metricName(metric) {
  return METRICS[metric]?.[0] ?? metric.replaceAll("_", " ");
}

/** The same as briefly as a table needs it. */
export function metricWord(metric) {
  return metricName(metric).replace(" of the limit", "").replace("New connections", "connections");
}

/** A metric's value with its unit. */
export function metricValue(metric, value) {
  const unit = METRICS[metric]?.[1] ?? "";
  if (unit === "share") return percent(value);
  return short(value, unit);
}

/** A word of the API (`telemetry_partial`) as words. */
export function words(name) {
  return (name ?? "").replaceAll("_", " ").replaceAll("-", " ");
}

/** Whether the metric is a share of something, so that an axis from 0 to 100 % fits. */
export function isShare(metric) {
  return METRICS[metric]?.[1] === "share";
}
