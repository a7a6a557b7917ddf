#include "object/ownership.h"

#include "base/json_read.h"
#include "base/text.h"
#include "object/fields_v1.h"

#include <algorithm>
#include <functional>
#include <set>

namespace gitsync {
namespace {

using nlohmann::json;
using namespace fields_v1;

constexpr int max_depth = 64;

/// The entries of everybody else for the object itself (no subresource): who may stand beside our fields.
std::vector<const json*> other_entries(const json& object, std::string_view manager) {
  std::vector<const json*> out;
  if (const json* all = managed_fields(object))
    for (const auto& entry : *all)
      if (!ours(entry, manager) && read_text(entry, "subresource").empty() && fields_of(entry)) out.push_back(fields_of(entry));
  return out;
}

/// Writes the projection of the live object on our fields as text to be hashed.
struct Projector {
  std::string out;
  const std::vector<PathHash>& empties;

  void walk(const json& fields, const json* value, PathHash path, int depth) {
    for (const auto& [step, below] : fields.items()) {
      if (step == ".") continue;
      const PathHash here = extend(path, step);
      const json* next = value ? child(*value, step) : nullptr;
      out += step;
      out += '\x1f';
      if (!next) {
        out += '\x01'; // named by our entry, missing in the object
      } else if (is_leaf(below) || depth > max_depth) {
        const bool node_only = below.is_object() && below.contains("."); // we own that it exists, not what is in it
        const bool presence =
            (node_only || (next->is_object() && next->empty()) || std::binary_search(empties.begin(), empties.end(), here)) &&
            next->is_structured();
        if (presence)
          out += '\x02';
        else
          out += next->dump(-1, ' ', false, json::error_handler_t::replace);
      } else {
        out += '{';
        walk(below, next, here, depth + 1);
        out += '}';
      }
      out += '\x1e';
    }
  }
};

/// What others own beside ours: their children under a node of which we own at least one child.
void collect_foreign(const json& theirs, const json& mine, PathHash path, int depth, std::vector<PathHash>& out) {
  for (const auto& [step, below] : theirs.items()) {
    if (step == "." || (depth == 0 && (step == "f:metadata" || step == "f:status"))) continue;
    const auto same = mine.find(step);
    if (same == mine.end()) {
      if (!mine.empty()) out.push_back(extend(path, step));
    } else if (same->is_object() && below.is_object() && depth < max_depth) {
      collect_foreign(below, *same, extend(path, step), depth + 1, out);
    }
  }
}

void find_empties(const json& fields, const json& live, const json& desired, PathHash path, std::vector<PathHash>& out) {
  for (const auto& [step, below] : fields.items()) {
    if (step == ".") continue;
    const json* wanted = child(desired, step, true);
    const json* there = child(live, step);
    if (!wanted || !there) continue;
    if (is_leaf(below)) {
      if (wanted->is_object() && wanted->empty()) out.push_back(extend(path, step));
    } else {
      find_empties(below, *there, *wanted, extend(path, step), out);
    }
  }
}

/// The item of a declared list that a step stands for, where declared items may leave out keys that the server fills (a port's
/// protocol). What we own says which item such a one has become; `mine` is that, null where we own nothing any more of the
/// whole object, and anything that fits is taken for it.
const json* declared_item(const json& declared, const std::string& step, const json* mine) {
  if (!step.starts_with("k:") || !declared.is_array()) return child(declared, step, true);
  if (const json* exact = child(declared, step)) return exact;
  return !mine || mine->contains(step) ? child(declared, step, true) : nullptr;
}

/// Whether something declared under this node is missing in the live object. Sets and lists by the step that names the item.
/// A declared {} counts where `stood` says that the server kept it: many are dropped on their way to storage.
bool something_missing(const json& desired, const json& live, const json& theirs, const json* mine,
                       const std::function<bool(const std::string& step)>& stood) {
  if (desired.is_object()) {
    if (!live.is_object()) return true;
    return std::ranges::any_of(desired.items(), [&](const auto& item) {
      if (item.value().is_null() || live.contains(item.key())) return false;
      return !item.value().is_object() || !item.value().empty() || stood(cat("f:", item.key()));
    });
  }
  if (!desired.is_array() || !live.is_array()) return false;
  // Which fields are keys, the steps tell.
  std::set<std::string> keys;
  std::vector<json> owned; // the keys of our items
  const auto read_steps = [&](const json& fields, bool is_mine) {
    for (const auto& [step, below] : fields.items()) {
      if (!step.starts_with("k:")) continue;
      json parsed = json::parse(step.begin() + 2, step.end(), nullptr, false);
      if (!parsed.is_object()) continue;
      for (const auto& [name, value] : parsed.items()) keys.insert(name);
      if (is_mine) owned.push_back(std::move(parsed));
    }
  };
  read_steps(theirs, false);
  if (mine) read_steps(*mine, true);
  const auto stands = [&](const json& item_keys) {
    return std::ranges::any_of(live, [&](const json& item) { return has_keys(item, item_keys, false); });
  };
  return std::ranges::any_of(desired, [&](const json& wanted) {
    if (!wanted.is_object()) return std::ranges::find(live, wanted) == live.end();
    json wanted_keys = json::object();
    for (const auto& key : keys)
      if (wanted.contains(key)) wanted_keys[key] = wanted[key];
    if (wanted_keys.empty()) return false;
    if (!mine || wanted_keys.size() == keys.size()) return !stands(wanted_keys);
    // A key was left to the server: the item is one of ours that no other declared item names.
    return std::ranges::none_of(owned, [&](const json& item_keys) {
      return has_keys(item_keys, wanted_keys, false) && stands(item_keys) &&
             std::ranges::none_of(desired, [&](const json& other) { return has_keys(other, item_keys, false); });
    });
  });
}

/// Declared leaves among the fields that somebody else holds, and what stands where something declared is missing.
void taken_paths(const json& theirs, const json& desired, const json* live, const std::string& path, int depth,
                 std::vector<std::string>& out) {
  const bool missing =
      depth > 0 && live && something_missing(desired, *live, theirs, nullptr, [](const auto&) { return false; });
  for (const auto& [step, below] : theirs.items()) {
    if (step == "." || out.size() >= 10 || (depth == 0 && step == "f:status")) continue;
    const json* wanted = child(desired, step, true);
    const std::string here = path + "/" + pointer_step(step);
    if (!wanted) {
      if (missing) out.push_back(here);
    } else if (is_leaf(below) || !wanted->is_structured()) {
      out.push_back(here);
    } else {
      taken_paths(below, *wanted, live ? child(*live, step) : nullptr, here, depth + 1, out);
    }
  }
}

struct Claim {
  const std::optional<Known>& known;
  Leftovers which;

  bool stood_before(PathHash path) const {
    return known ? std::ranges::binary_search(known->empties, path) : which == Leftovers::Refused;
  }
  /// They hold a field that we declare, with another value than ours.
  static bool took_one(const json& theirs, const json& desired, const json& live) {
    return std::ranges::any_of(theirs.items(), [&](const auto& field) {
      const json* wanted = child(desired, field.key(), true);
      const json* there = child(live, field.key());
      return wanted && !wanted->is_structured() && there && *there != *wanted;
    });
  }

  /// Moves from `theirs` to `mine` what stands where something of ours is missing. True where anything moved. `own`: what we
  /// own there; null where we own nothing of the whole object.
  bool move(json& theirs, json& mine, const json* own, const json& desired, const json& live, PathHash path, int depth) const {
    if (!theirs.is_object() || !desired.is_structured()) return false;
    bool moved = false;
    const bool missing = depth > 0 && (something_missing(desired, live, theirs, own,
                                                         [&](const auto& step) { return stood_before(extend(path, step)); }) ||
                                       (which == Leftovers::Refused && took_one(theirs, desired, live)));
    std::vector<std::string> steps;
    for (const auto& [step, below] : theirs.items())
      if (step != "." && !(depth == 0 && (step == "f:metadata" || step == "f:status"))) steps.push_back(step);
    for (const auto& step : steps) {
      const PathHash here = extend(path, step);
      const json* wanted = declared_item(desired, step, own);
      if (!wanted) {
        if (!missing || (known && std::ranges::binary_search(known->foreign, here))) continue;
        mine[step] = theirs[step];
        theirs.erase(step);
        moved = true;
      } else if (wanted->is_structured() && depth < max_depth) {
        const json* there = child(live, step);
        if (!there) continue;
        json below = mine.contains(step) ? mine[step] : json::object();
        static const json nothing = json::object();
        const json* own_below = own ? member(*own, step) : nullptr;
        if (own && (!own_below || !own_below->is_object())) own_below = &nothing;
        if (move(theirs[step], below, own_below, *wanted, *there, here, depth + 1)) {
          mine[step] = std::move(below);
          if (theirs[step].empty()) theirs.erase(step); // as a leaf it would say that all below is theirs
          moved = true;
        }
      }
    }
    return moved;
  }
};

} // namespace

const json* apply_entry(const json& object, std::string_view manager) {
  if (const json* all = managed_fields(object))
    for (const auto& entry : *all)
      if (ours(entry, manager)) return fields_of(entry);
  return nullptr;
}

std::vector<PathHash> empty_declarations(const json& object, std::string_view manager, const json& desired) {
  std::vector<PathHash> out;
  if (const json* fields = apply_entry(object, manager)) find_empties(*fields, object, desired, root_path, out);
  std::ranges::sort(out);
  return out;
}

std::optional<Ownership> ownership(const json& object, std::string_view manager, std::string_view salt,
                                   const std::vector<PathHash>& empties) {
  const json* fields = apply_entry(object, manager);
  if (!fields) return {};
  Projector projector{{}, empties};
  projector.out.reserve(1024);
  projector.walk(*fields, &object, root_path, 0);
  Ownership out{digest(salt, projector.out), {}};
  for (const json* theirs : other_entries(object, manager)) collect_foreign(*theirs, *fields, root_path, 0, out.foreign);
  std::ranges::sort(out.foreign);
  out.foreign.erase(std::unique(out.foreign.begin(), out.foreign.end()), out.foreign.end());
  return out;
}

Culprit culprit(const json& live, std::string_view manager, const json& desired) {
  Culprit out;
  const json* all = managed_fields(live);
  if (!all) return out;
  const json* latest = nullptr;
  std::string latest_time;
  std::vector<std::string> latest_paths;
  for (const auto& entry : *all) {
    // "scale" and the like change declared fields; "status" never does.
    if (ours(entry, manager) || read_text(entry, "subresource") == "status" || !fields_of(entry)) continue;
    std::vector<std::string> paths;
    taken_paths(*fields_of(entry), desired, &live, "", 0, paths);
    const std::string time = read_text(entry, "time");
    // Whoever holds declared fields comes before whoever merely wrote last; among them the latest.
    const bool better = !latest || std::pair(!paths.empty(), time) >= std::pair(!latest_paths.empty(), latest_time);
    if (!better) continue;
    latest = &entry;
    latest_time = time;
    latest_paths = std::move(paths);
  }
  if (latest) out = {read_text(*latest, "manager"), std::move(latest_paths)};
  return out;
}

std::optional<json> claim_leftovers(const json& live, std::string_view manager, const json& desired,
                                    const std::optional<Known>& known, Leftovers which) {
  const json* all = managed_fields(live);
  if (!all) return {};
  std::string latest;
  for (const auto& entry : *all)
    if (!ours(entry, manager) && read_text(entry, "subresource").empty()) latest = std::max(latest, read_text(entry, "time"));

  json fields = *all;
  json mine = json::object();
  const json* own = apply_entry(live, manager);
  const Claim claim{known, which};
  bool moved = false;
  for (auto& entry : fields) {
    if (ours(entry, manager) || !read_text(entry, "subresource").empty() || !fields_of(entry)) continue;
    if (!known && read_text(entry, "time") != latest) continue;
    moved |= claim.move(entry["fieldsV1"], mine, own, desired, live, root_path, 0);
  }
  if (!moved) return {};
  for (auto& entry : fields) {
    if (!ours(entry, manager)) continue;
    entry["fieldsV1"].merge_patch(mine); // FieldsV1 holds objects only, so a merge is a union
    return fields;
  }
  fields.push_back({{"manager", manager},
                    {"operation", "Apply"},
                    {"apiVersion", read_text(live, "apiVersion")},
                    {"time", latest},
                    {"fieldsType", "FieldsV1"},
                    {"fieldsV1", mine}});
  return fields;
}

bool holds(const json& desired, const json& live) {
  if (desired.is_object()) {
    return live.is_object() && std::ranges::all_of(desired.items(), [&](const auto& item) {
             const json* there = member(live, item.key());
             return there && holds(item.value(), *there);
           });
  }
  if (desired.is_array())
    return live.is_array() &&
           std::ranges::equal(desired, live, [](const json& wanted, const json& there) { return holds(wanted, there); });
  return desired == live;
}

std::optional<json> without_wiped_owner(const json& object) {
  const json* all = managed_fields(object);
  if (!all) return {};
  json kept = json::array();
  for (const auto& entry : *all)
    if (read_text(entry, "manager") != "before-first-apply") kept.push_back(entry);
  if (kept.size() == all->size() || kept.empty()) return {};
  return kept;
}

} // namespace gitsync
