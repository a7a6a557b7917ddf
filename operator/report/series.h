// A family of Prometheus series addressed by its label values. Internal to metrics.cpp.
#pragma once
#include "report/clean.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <prometheus/family.h>
#include <string>
#include <string_view>
#include <utility>

namespace gitsync::report {

constexpr size_t label_limit = 256; // bytes of a label's value

/// Series of type T with N labels, by the raw values, so that a known series costs one look-up and no allocation. The values
/// are ordered as the labels are declared: what belongs to one object lies side by side. Control thread only.
template <class T, size_t N> class Series {
public:
  using Values = std::array<std::string_view, N>;

  Series(prometheus::Family<T>& family, std::array<std::string, N> labels, std::function<T&(const prometheus::Labels&)> add)
      : family_(family), labels_(std::move(labels)), add_(std::move(add)) {}

  T& at(const Values& values) {
    if (const auto found = series_.find(values); found != series_.end()) return *found->second;
    std::array<std::string, N> key;
    prometheus::Labels labels;
    for (size_t i = 0; i < N; ++i) {
      key[i] = std::string(values[i]);
      labels[labels_[i]] = clean(values[i], label_limit);
    }
    T& made = add_(labels);
    series_.emplace(std::move(key), &made);
    return made;
  }

  /// Removes every series whose first K values are these.
  template <size_t K> void erase(const std::array<std::string_view, K>& prefix) {
    static_assert(K <= N);
    const auto matches = [&](const Key& key) { return std::equal(prefix.begin(), prefix.end(), key.begin()); };
    Values from{};
    std::copy(prefix.begin(), prefix.end(), from.begin());
    for (auto it = series_.lower_bound(from); it != series_.end() && matches(it->first);) {
      T* const gone = it->second;
      it = series_.erase(it);
      // Two raw values may share one series (clean): it goes with the last of them.
      if (std::none_of(series_.begin(), series_.end(), [gone](const auto& other) { return other.second == gone; }))
        family_.Remove(gone);
    }
  }

private:
  using Key = std::array<std::string, N>;
  struct Less {
    using is_transparent = void;
    template <class A, class B> bool operator()(const A& a, const B& b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
  };
  prometheus::Family<T>& family_;
  std::array<std::string, N> labels_;
  std::function<T&(const prometheus::Labels&)> add_;
  std::map<Key, T*, Less> series_;
};

} // namespace gitsync::report
