#include "git_worker/trees.h"

#include "base/text.h"
#include "git/name.h"
#include "git/url.h"
#include "git_worker/tree_at.h"

namespace gitsync::git {

Result<Trees> trees(Mirrors& mirrors, const TreesJob& job) {
  const auto opened = mirrors.open(job.mirror);
  if (!opened) return wrap(opened.error(), display_url(job.url));
  if (!*opened) return fail(Code::GitFetch, cat(display_url(job.url), ": there is no mirror"), Retry::Backoff);
  if (auto root = tree_at(**opened, job.url, job.commit, {}); root.error) return std::unexpected(*root.error);
  Trees out;
  for (const auto& path : job.paths) {
    const auto components = path_components(path);
    if (!components) continue;
    const auto found = tree_at(**opened, job.url, job.commit, *components);
    if (!found.error) out.ids[path] = oid_text(*git_tree_id(found.tree.get()));
  }
  return out;
}

} // namespace gitsync::git
