#include "reconcile/zones.h"

#include "base/text.h"

#include <chrono>
#if defined(__cpp_lib_chrono) && __cpp_lib_chrono >= 201907L
namespace tz = std::chrono;
#else // Debian 12's library has no time zones yet: the one from which the standard took them
#include <date/tz.h>
namespace tz = date;
#endif

namespace gitsync::reconcile {
namespace {
using namespace std::chrono;

class SystemZone final : public Zone {
public:
  explicit SystemZone(const tz::time_zone* zone) : zone_(zone) {}

  seconds offset(sys_seconds at) const override { return zone_->get_info(at).offset; }

  Instants instants(local_seconds shown) const override {
    const auto since = shown.time_since_epoch();
    const auto info = zone_->get_info(tz::local_seconds(since));
    if (info.result == tz::local_info::nonexistent) return {floor<seconds>(info.second.begin), {}};
    const sys_seconds first(since - info.first.offset);
    if (info.result == tz::local_info::ambiguous) return {first, sys_seconds(since - info.second.offset)};
    return {first, {}};
  }

private:
  const tz::time_zone* zone_; // of the database, which lives as long as the process
};

} // namespace

Result<std::shared_ptr<const Zone>> find_zone(const std::string& name) {
  try {
    return std::make_shared<SystemZone>(tz::locate_zone(name));
  } catch (const std::exception&) { // unknown, or its file is damaged
    return fail(Code::InvalidSpec,
                cat("\"", shorten(name, 80), "\" is no time zone of this system's database (package tzdata)"));
  }
}

Result<std::vector<Window>> windows_of(const std::vector<api::WindowSpec>& specs, const std::string& owner) {
  std::vector<Window> out;
  for (const auto& spec : specs) {
    auto zone = find_zone(spec.time_zone);
    if (!zone) return wrap(std::move(zone.error()), cat("GitSync ", owner, ": spec.windows[", out.size(), "].timeZone"));
    out.push_back({spec.allow, spec.opens, duration_cast<seconds>(spec.duration), std::move(*zone)});
  }
  return out;
}

} // namespace gitsync::reconcile
