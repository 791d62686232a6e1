// What is to become of each column: what was inferred, with what somebody has changed. Comes out: a mapping.

export const TYPES = ["float", "integer", "unsigned", "boolean", "string"];

// From an inspection that has no question left, and the changes so far (by column: role, type, key).
export function planOf(found, changes, time = {}) {
  const { inspection, mapping } = found;
  const byColumn = new Map();
  for (const role of ["tag", "field"]) {
    for (const [key, spec] of Object.entries(mapping[`${role}s`] ?? {})) {
      if (spec.column) byColumn.set(spec.column, { role, key, spec });
    }
  }
  const columns = mapping.time.column ? [mapping.time.column] : mapping.time.columns ?? [];
  const rows = inspection.columns.map((profile) => {
    const known = byColumn.get(profile.name);
    const inferred = {
      role: columns.includes(profile.name) ? "time" : known?.role ?? "left out",
      key: known?.key ?? profile.key ?? profile.name,
      type: known?.spec.type ?? (TYPES.includes(profile.type) ? profile.type : "string"),
    };
    const row = { name: profile.name, profile, spec: known?.spec ?? null, isUsable: profile.rows > 0, inferred };
    return Object.assign(row, inferred, row.isUsable && inferred.role !== "time" ? changes.get(profile.name) : {});
  });
  return { mapping, rows, time: { ...mapping.time, ...time }, measurement: mapping.measurement };
}

// What stands in the way of trying it, in words.
export function faultOf(plan) {
  if (!plan.rows.some((row) => row.role === "time")) return "Choose the column that holds the time.";
  if (!plan.rows.some((row) => row.role === "field")) return "Make at least one column a field: a point without a field is none.";
  const keys = new Map();
  for (const row of plan.rows.filter((each) => each.role === "tag" || each.role === "field")) {
    if (!row.key.trim()) return `Give “${row.name}” a name.`;
    if (keys.has(row.key)) return `“${keys.get(row.key)}” and “${row.name}” have the same name “${row.key}”: change one.`;
    keys.set(row.key, row.name);
  }
  if (plan.measurement.value !== undefined && !String(plan.measurement.value).trim()) return "Give the measurement a name.";
  return null;
}

function fieldOf(row) {
  const inferred = row.spec && row.inferred.role === "field" && row.type === row.inferred.type ? row.spec : null;
  return inferred ?? { column: row.name, type: row.type };
}

export function mappingOf(plan) {
  const { mapping, rows } = plan;
  const used = (role) => rows.filter((row) => row.role === role);
  const others = (specs) => Object.entries(specs ?? {}).filter(([, spec]) => !spec.column);
  const { column, columns, ...rest } = plan.time;
  return {
    measurement: plan.measurement,
    time: { ...(columns?.length > 1 ? { columns } : { column: column ?? columns?.[0] }), ...rest },
    tags: Object.fromEntries([...others(mapping.tags), ...used("tag").map((row) => [row.key, { column: row.name }])]),
    fields: Object.fromEntries([...others(mapping.fields), ...used("field").map((row) => [row.key, fieldOf(row)])]),
    ...(mapping.filter ? { filter: mapping.filter } : {}),
    csv: mapping.csv ?? {},
  };
}

// The first cell that speaks against a type, if there is one.
export function refusalOf(row) {
  if (row.role !== "field") return null;
  return row.profile.refused.find((each) => each.type === row.type) ?? null;
}
