// gitsync render: files in, objects out; the operator's own reading, without a cluster.
#include "app/directory.h"
#include "app/render.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/text.h"

namespace gitsync::app {

int run_render(const RenderOptions& options) {
  auto content = read_directory(options.directory);
  const auto rendered = render(std::move(content.manifests), std::move(content.errors), options);
  if (!rendered) {
    for (const auto& error : rendered.error()) print_error(error);
    return 1;
  }
  for (const auto& note : rendered->notes) print_note(cat("note: ", note, "\n"));
  if (rendered->objects.empty())
    print_note(cat("note: ", options.directory.string(), ": holds no objects (", content.files, " manifest files)\n"));
  print(rendered_text(*rendered, options.output)); // not redacted: it is what would be applied
  return 0;
}

} // namespace gitsync::app
