#include "git/ref.h"

#include "base/text.h"
#include "git/name.h"

#include <algorithm>

namespace gitsync::git {
namespace {

/// What git allows in a ref's name (git-check-ref-format(1)), without the rules on its first components.
bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > 1024 || name.front() == '/' || name.back() == '/' || name.back() == '.' || name == "@" ||
      name.front() == '-')
    return false;
  for (const std::string_view bad : {"..", "//", "@{", "/."})
    if (name.find(bad) != std::string_view::npos) return false;
  for (const std::string_view component : split(name, '/'))
    if (component.starts_with('.') || component.ends_with(".lock")) return false;
  return valid_utf8(name) && std::ranges::none_of(name, [](char c) {
           return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ||
                  std::string_view("~^:?*[\\").find(c) != std::string_view::npos;
         });
}

const RemoteRef* find(std::span<const RemoteRef> listing, std::string_view name) {
  const auto found = std::ranges::find(listing, name, &RemoteRef::name);
  return found == listing.end() ? nullptr : &*found;
}

std::string_view without(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

} // namespace

bool is_commit_id(std::string_view text) {
  return text.size() == 40 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<> check_ref(const RefSpec& ref) {
  const int set = !ref.branch.empty() + !ref.tag.empty() + !ref.commit.empty() + !ref.name.empty();
  if (set > 1) return fail(Code::InvalidSpec, "ref: only one of branch, tag, commit and name can be given");
  if (!ref.commit.empty() && !is_commit_id(ref.commit))
    return fail(Code::InvalidSpec,
                cat("ref.commit: ", shorten(ref.commit, 80), " is not a full commit id (40 lower-case hex digits)"));
  for (const auto& name : {ref.branch, ref.tag, ref.name})
    if (!name.empty() && !valid_name(name))
      return fail(Code::InvalidSpec, cat("ref: ", escaped(name), " is not a name that git takes"));
  if (!ref.name.empty() && ref.name != "HEAD" && !ref.name.starts_with("refs/"))
    return fail(Code::InvalidSpec, cat("ref.name: ", ref.name, " is not a full name: begin with refs/"));
  return {};
}

std::string describe(const RefSpec& ref) {
  if (!ref.branch.empty()) return "branch " + ref.branch;
  if (!ref.tag.empty()) return "tag " + ref.tag;
  if (!ref.commit.empty()) return "commit " + ref.commit;
  if (!ref.name.empty()) return "ref " + ref.name;
  return "HEAD";
}

Result<Wanted> find_ref(const RefSpec& ref, std::span<const RemoteRef> listing) {
  if (listing.empty()) return fail(Code::GitRefNotFound, cat(describe(ref), ": the repository is empty; push a commit"));
  if (!ref.commit.empty()) return Wanted{"", ref.commit, ""};
  std::string name = "HEAD";
  if (!ref.branch.empty()) name = "refs/heads/" + ref.branch;
  if (!ref.tag.empty()) name = "refs/tags/" + ref.tag;
  if (!ref.name.empty()) name = ref.name;
  const auto* found = find(listing, name);
  if (!found && name == "HEAD")
    return fail(Code::GitRefNotFound, "HEAD: names a branch that does not exist in the repository; set ref.branch");
  if (!found) return fail(Code::GitRefNotFound, cat(describe(ref), ": does not exist in the repository"));
  if (name == "HEAD" && find(listing, found->target)) {
    const auto* target = find(listing, found->target);
    return Wanted{target->name, target->oid, std::string(without(target->name, "refs/heads/"))};
  }
  std::string short_name = name;
  if (!ref.branch.empty()) short_name = ref.branch;
  if (!ref.tag.empty()) short_name = ref.tag;
  return Wanted{name, found->oid, short_name};
}

std::string mirror_ref(std::string_view remote_name) { return cat("refs/gitsync/", without(remote_name, "refs/")); }

std::string revision_text(std::string_view short_name, std::string_view commit) {
  return short_name.empty() ? cat("sha1:", commit) : cat(short_name, "@sha1:", commit);
}

} // namespace gitsync::git
