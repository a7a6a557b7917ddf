#include "report/status_writer.h"

#include "api/names.h"
#include "base/log.h"
#include "base/text.h"

namespace gitsync::report {

using nlohmann::json;

json merge_diff(const json& from, const json& to) {
  json patch = json::object();
  if (from.is_object())
    for (const auto& [key, value] : from.items())
      if (!to.contains(key)) patch[key] = nullptr;
  for (const auto& [key, value] : to.items()) {
    const auto before = from.is_object() ? from.find(key) : from.end();
    const bool known = before != from.end();
    if (known && *before == value) continue;
    if (known && value.is_object() && before->is_object())
      patch[key] = merge_diff(*before, value);
    else
      patch[key] = value;
  }
  return patch;
}

StatusWriter::StatusWriter(kube::Client& client, asio::any_io_executor executor, std::string path, json known, Options options)
    : client_(client), path_(std::move(path)), known_(std::move(known)), options_(std::move(options)), soon_(executor),
      any_(executor) {
  if (!known_.is_object()) known_ = json::object();
  wanted_ = known_;
}

void StatusWriter::set(json status, Urgency urgency) {
  wanted_ = std::move(status);
  if (wanted_ == known_) return;
  any_.set();
  if (urgency == Urgency::Soon) soon_.set();
}

Task<> StatusWriter::run() {
  auto retry = std::chrono::milliseconds(500);
  while (co_await any_.wait()) {
    co_await soon_.wait_for(options_.later); // news is gathered; a result ends the gathering
    co_await sleep_for(options_.soon);
    any_.reset();
    soon_.reset();
    const json sent = wanted_;
    const json patch = merge_diff(known_, sent);
    if (patch.empty()) continue;
    if (options_.may_write && !options_.may_write()) co_return;
    auto written = co_await send(sent, patch);
    if (written) {
      retry = std::chrono::milliseconds(500);
      if (wanted_ == known_) continue;
      any_.set(); // set() compared with what was known before this write: it may have changed back meanwhile
      soon_.set();
      continue;
    }
    if (written.error().code == Code::ApiNotFound) co_return; // the object is deleted
    log::warn("cannot write a status", {{"path", path_}, {"error", written.error().text()}});
    co_await sleep_for(std::max(retry, written.error().after));
    retry = std::min(retry * 2, std::chrono::milliseconds(30'000));
    any_.set();
    soon_.set();
  }
}

Task<> StatusWriter::flush() {
  const json patch = merge_diff(known_, wanted_);
  if (patch.empty() || (options_.may_write && !options_.may_write())) co_return;
  const json sent = wanted_;
  (void)co_await send(sent, patch);
}

Task<Result<>> StatusWriter::send(const json& status, const json& patch) {
  const auto permit = options_.books ? co_await options_.books->acquire() : Semaphore::Permit();
  auto written = co_await client_.patch_raw(path_ + "/status", kube::PatchType::Merge, json{{"status", patch}}.dump(),
                                            cat("fieldManager=", api::operator_field_manager));
  if (!written) co_return std::unexpected(std::move(written.error()));
  known_ = status;
  co_return Result<>{};
}

} // namespace gitsync::report
