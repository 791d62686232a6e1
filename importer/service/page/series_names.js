// Short names for series: the values of the tag that tells them apart.

const pairs = (series) => series ? series.split(/, (?=[^=,]+=)/).map((pair) => {
  const at = pair.indexOf("=");
  return [pair.slice(0, at), pair.slice(at + 1)];
}) : [];

// series: tags in words, such as "bird=Aino, sensor=gps".
export function seriesNames(series) {
  const parsed = series.map((each) => new Map(pairs(each)));
  const keys = [...new Set(parsed.flatMap((each) => [...each.keys()]))];
  const different = (key) => new Set(parsed.map((each) => each.get(key))).size;
  const varying = keys.filter((key) => different(key) > 1);
  const alone = varying.find((key) => different(key) === series.length);
  if (alone) return parsed.map((each) => each.get(alone) ?? "");
  if (!varying.length) return series;
  return parsed.map((each) => varying.map((key) => each.get(key)).filter(Boolean).join(", "));
}
