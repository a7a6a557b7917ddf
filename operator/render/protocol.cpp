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

std::string encode(uint64_t id, const VerifyRequest& request) {
  json keys = json::array(), objects = json::array();
  for (const auto& key : request.keys) keys.push_back({{"name", key.name}, {"data", base64_encode(key.text)}});
  for (const auto& one : request.objects) objects.push_back({{"tag", one.tag}, {"data", base64_encode(one.content)}});
  const json out = {{"id", id},
                    {"kind", "verify"},
                    {"keys", std::move(keys)},
                    {"allowedSigners", request.allowed_signers},
                    {"revokedSigners", request.revoked_signers},
                    {"objects", std::move(objects)}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<AnswerHead> decode_head(std::string_view message) {
  const json value = json::parse(message, nullptr, false);
  const auto& id = read_member(value, "id");
  if (!id.is_number_unsigned())
    return fail(Code::WorkerDied, cat("render worker: a message cannot be understood: ", shorten(message, 80)));
  return AnswerHead{id.get<uint64_t>(), read_text(value, "error")};
}

std::vector<CelResult> decode_cel_answer(std::string_view message) {
  const json value = json::parse(message, nullptr, false);
  std::vector<CelResult> out;
  if (const auto& results = read_member(value, "results"); results.is_array())
    for (const auto& each : results) {
      CelResult result{.value = {}, .problem = read_text(each, "problem")};
      if (const auto& truth = read_member(each, "value"); truth.is_boolean()) result.value = truth.get<bool>();
      if (const auto& broken = read_member(each, "broken"); broken.is_boolean()) result.broken = broken.get<bool>();
      out.push_back(std::move(result));
    }
  return out;
}

VerifyAnswer decode_verify_answer(std::string_view message) {
  const json value = json::parse(message, nullptr, false);
  VerifyAnswer out{.verdicts = {}, .key_problem = read_text(value, "keyProblem")};
  if (const auto& verdicts = read_member(value, "verdicts"); verdicts.is_array())
    for (const auto& each : verdicts) {
      Verdict verdict{.problem = read_text(each, "problem"),
                      .signer = read_text(each, "signer"),
                      .fingerprint = read_text(each, "fingerprint"),
                      .format = read_text(each, "format"),
                      .author = read_text(each, "author"),
                      .committer = read_text(each, "committer"),
                      .tag = read_text(each, "tagName")};
      if (const auto& good = read_member(each, "good"); good.is_boolean()) verdict.good = good.get<bool>();
      out.verdicts.push_back(std::move(verdict));
    }
  return out;
}

} // namespace gitsync::render
