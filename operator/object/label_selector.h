// A label selector as kubectl takes it with -l: "app=api,tier!=web,env in (a,b),!legacy". Pure.
#pragma once
#include "base/error.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync {

/// Rules: k8s.io/apimachinery, pkg/labels. An empty selector fits everything.
class LabelSelector {
public:
  /// InvalidSpec with the part that cannot be read.
  static Result<LabelSelector> parse(std::string_view text);
  /// `labels` is metadata.labels; null and anything odd count as none.
  bool matches(const nlohmann::json& labels) const;

private:
  struct Requirement {
    std::string key;
    bool negated = false;
    bool exists = false; // the key alone decides
    std::vector<std::string> values;
  };
  std::vector<Requirement> requirements_;
};

} // namespace gitsync
