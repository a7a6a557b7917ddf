#include "app/plan_view.h"
#include "support/catch.h"

using namespace gitsync;
using Action = ObjectPreview::Action;

TEST_CASE("a plan is shown with signs, fields, notes and errors, and steers no terminal", "[app]") {
  Preview preview;
  preview.objects = {
      {Action::Create, "ConfigMap shop/new", {{"/data/color", {}, "\"blue\""}}, 0, {}, {}},
      {Action::Change, "Deployment.apps shop/api", {{"/spec/replicas", "2", "3"}, {"/spec/paused", "true", {}}}, 4, {}, {}},
      {Action::Adopt, "ConfigMap shop/there", {{"/data/color", "\"red\"", "\"blue\""}}, 0, "from Helm's release shop/shop", {}},
      {Action::Delete, "Service shop/old", {}, 0, {}, {}},
      {Action::Create, "Widget.example.com shop/w", {}, 0, "not checked", {}},
      {Action::Change, "Job.batch shop/j", {}, 0, {}, "GS422 field is \x1b[31mimmutable"},
  };
  preview.more_objects = 2;
  CHECK(app::plan_text(preview) == "+ ConfigMap shop/new\n"
                                   "    + /data/color: \"blue\"\n"
                                   "~ Deployment.apps shop/api\n"
                                   "    ~ /spec/replicas: 2 → 3\n"
                                   "    - /spec/paused: true\n"
                                   "    … and 4 more fields\n"
                                   "> ConfigMap shop/there  (from Helm's release shop/shop)\n"
                                   "    ~ /data/color: \"red\" → \"blue\"\n"
                                   "- Service shop/old\n"
                                   "+ Widget.example.com shop/w  (not checked)\n"
                                   "~ Job.batch shop/j\n"
                                   "    ! GS422 field is  [31mimmutable\n"
                                   "… and 2 more objects\n");
}
