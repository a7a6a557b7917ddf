// Whether registries have the images that a revision needs. Nobody tells when one is pushed, so it is asked for with growing
// pauses, for as long as it is wanted.
#pragma once
#include "base/clock.h"
#include "kube/client.h"
#include "registry/client.h"
#include "report/reporter.h"
#include "runtime/task_group.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gitsync::reconcile {

struct WantedImage {
  ImageName name;
  std::string tag;
  std::string commit; // that it is built from; 40 hex digits
  std::string secret; // of the GitSync's namespace; empty: anonymous
  std::chrono::milliseconds timeout{};

  /// "ghcr.io/example/shop:sha-1f3c9a2"
  std::string text() const { return name.text() + ":" + tag; }
  friend auto operator<=>(const WantedImage&, const WantedImage&) = default;
};

/// The pause before the look after `looks` looks: 5 s, doubled up to a minute, ±20 % by `jitter` (0 to 1), never shorter than
/// what the registry asks for and at most 10 min. Pure.
std::chrono::milliseconds pause_between_looks(int looks, double jitter, std::chrono::milliseconds asked_for);

/// Of one GitSync. Control thread only. Credentials are read from their Secret for each look and kept no longer.
class ImageWatch {
public:
  /// `told` hears of every first answer, of every image that is there now and of every other trouble.
  ImageWatch(kube::Client& kube, registry::Client& registry, report::Reporter reporter, asio::any_io_executor executor,
             std::string ns, std::function<void()> told);
  ~ImageWatch();

  /// Looks for these and no others; one that was looked for already keeps its pauses and its time. Nothing is asked for what
  /// was found before.
  void follow(const std::vector<WantedImage>& images);
  /// Looks again now, whatever the pauses are; until then the images count as not looked at.
  void look_now();

  /// What is known of an image that is followed.
  struct State {
    bool looked = false;        // a look has ended since follow() or look_now()
    bool overdue = false;       // it is missing for longer than its timeout
    std::optional<Error> error; // of the last look; none: the registry says that it does not have it
  };
  bool found(const WantedImage& image) const { return found_.contains(key(image)); }
  State state(const WantedImage& image) const;
  /// How many are looked for.
  size_t waiting() const;

  void stop();
  Task<> wait();

private:
  struct One;
  static std::string key(const WantedImage& image) { return image.text() + " " + image.secret; }
  Task<Result<registry::Answer>> look(const WantedImage& image);
  Task<> look_for(One& one);

  kube::Client& kube_;
  registry::Client& registry_;
  report::Reporter reporter_;
  asio::any_io_executor executor_;
  std::string ns_;
  std::function<void()> told_;
  std::map<WantedImage, std::unique_ptr<One>> looks_;
  std::vector<std::unique_ptr<One>> ending_;
  std::set<std::string> found_; // a tag names one commit's image, so what was there once counts as there
  bool stopping_ = false;
};

} // namespace gitsync::reconcile
