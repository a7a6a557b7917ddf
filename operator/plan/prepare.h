// A manifest as read → the body that is applied for one GitSync. Pure.
#pragma once
#include "base/error.h"
#include "base/hash.h"
#include "object/manifest.h"
#include "object/order.h"
#include "plan/images.h"
#include "plan/managed_object.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gitsync {

/// What is the same for all objects of a GitSync.
struct Stamp {
  std::string owner;                      // "namespace/name", value of the annotation
  std::string label;                      // value of the label
  std::string target_namespace;           // default for objects without one
  std::string salt;                       // of all digests of this GitSync
  std::vector<api::DriftIgnore> ignore{}; // spec.drift.ignore
  ImageTags images{};                     // the tags that containers get
};

/// What the API server (or a CRD of the same revision) says of a kind.
struct KindFacts {
  bool namespaced = true;
};
using KindLookup =
    std::function<std::optional<KindFacts>(const std::string& group, const std::string& version, const std::string& kind)>;

/// Ready to be compared and applied.
struct Prepared {
  ObjectRef ref;
  std::string version;
  SourceLocation at;
  Body body;
  Digest content;
  std::shared_ptr<const OrderHints> order; // null where its annotations say nothing
  SharedRules rules{};                     // null where nothing but the body counts
};

/// Collects the manifests of one revision and reports all that is wrong at once.
class Preparer {
public:
  Preparer(Stamp stamp, KindLookup lookup) : stamp_(std::move(stamp)), lookup_(std::move(lookup)) {}

  /// Control thread; keeps only the compact form.
  void add(Manifest manifest);
  void add_error(Error error) { errors_.push_back(std::move(error)); }

  /// Kinds that neither the server nor a CRD of this revision knows: discover again before finish() reports them.
  bool has_unknown_kinds() const;
  void set_lookup(KindLookup lookup) { lookup_ = std::move(lookup); }

  /// Which images of the stamp stand in what was prepared; complete after finish().
  const std::set<ImageName>& images() const { return images_; }

  /// All prepared objects, sorted by nothing but the order of reading; or every error (at least one).
  /// Without those that say of themselves that they are not to be applied (apply_annotation).
  std::expected<std::vector<Prepared>, std::vector<Error>> finish();
  /// Those.
  const std::set<ObjectRef>& opted_out() const { return opted_out_; }

private:
  void prepare(Manifest manifest, const KindFacts& facts);
  std::optional<KindFacts> facts_of(const Manifest& manifest) const;

  Stamp stamp_;
  KindLookup lookup_;
  std::vector<Prepared> prepared_;
  std::vector<Manifest> unknown_;
  std::map<std::tuple<std::string, std::string, std::string>, KindFacts> defined_; // by CRDs of this revision
  std::set<ObjectRef> opted_out_;
  std::set<ImageName> images_;
  std::vector<Error> errors_;
};

} // namespace gitsync
