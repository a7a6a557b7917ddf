#include "render/protocol.h"

#include "base/json_read.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

namespace gitsync::render {

using nlohmann::json;

std::string encode(uint64_t id, const CelRequest& request) {
  json head = {{"id", id}, {"kind", "cel"}, {"expressions", request.expressions}, {"variables", request.variables}};
  std::string out = head.dump(-1, ' ', false, json::error_handler_t::replace);
  if (request.values.empty()) return out;
  out.pop_back(); // the values are JSON already: they are not read again on this side
  return cat(out, R"(,"values":)", request.values, "}");
}

Result<CelAnswer> decode_cel_answer(std::string_view message) {
  const json value = json::parse(message, nullptr, false);
  const auto& id = read_member(value, "id");
  if (!id.is_number_unsigned())
    return fail(Code::WorkerDied, cat("render worker: a message cannot be understood: ", shorten(message, 80)));
  CelAnswer out{.id = id.get<uint64_t>(), .results = {}, .error = read_text(value, "error")};
  if (const auto& results = read_member(value, "results"); results.is_array())
    for (const auto& each : results) {
      CelResult result{.value = {}, .problem = read_text(each, "problem")};
      if (const auto& truth = read_member(each, "value"); truth.is_boolean()) result.value = truth.get<bool>();
      if (const auto& broken = read_member(each, "broken"); broken.is_boolean()) result.broken = broken.get<bool>();
      out.results.push_back(std::move(result));
    }
  return out;
}

} // namespace gitsync::render
