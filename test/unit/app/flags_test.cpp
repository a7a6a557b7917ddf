#include "app/flags.h"

#include "base/text.h"
#include "support/catch.h"

using namespace gitsync;
using namespace gitsync::app;

namespace {

/// Arguments written as in a shell without quotes.
Command parse(std::string_view line) {
  std::vector<std::string> arguments;
  for (const auto word : split(line, ' '))
    if (!word.empty()) arguments.emplace_back(word);
  return parse_arguments("gitsync", std::move(arguments));
}

Usage usage(std::string_view line) {
  const auto command = parse(line);
  const auto* found = std::get_if<Usage>(&command);
  return found ? *found : Usage{-1, "was accepted"};
}

template <class Options> Options accepted(std::string_view line) {
  const auto command = parse(line);
  if (const auto* wrong = std::get_if<Usage>(&command)) FAIL(line << ": " << wrong->text);
  return std::get<Options>(command);
}

} // namespace

TEST_CASE("wrong usage exits with 2 and says what is wrong") {
  struct Row {
    std::string_view line, text;
  };
  const auto row = GENERATE(values<Row>({
      {"", "Usage: gitsync VERB"},
      {"reconcil api", "unknown verb \"reconcil\"; did you mean reconcile?"},
      {"frobnicate", "unknown verb \"frobnicate\"\n"},
      {"-n shop get", "the verb comes first"},
      {"get --nmespace shop", "unknown flag --nmespace; did you mean --namespace?"},
      {"get --nmespace=shop", "unknown flag --nmespace; did you mean --namespace?"},
      {"get --zzzzzzzz", "unknown flag --zzzzzzzz\n"},
      {"get -x", "unknown flag -x"},
      {"get gitsync api web", "unexpected argument \"web\""},
      {"get gitsnc", "unknown kind \"gitsnc\"; did you mean gitsync?"},
      {"get deployments", "kinds are gitsync and gitrepository"},
      {"get all api", "a NAME needs one kind"},
      {"get gitsync api -A", "give -n NAMESPACE instead of -A"},
      {"get -A -n shop", "-n and -A exclude each other"},
      {"get -o jason", "--output: \"jason\" is none of wide, json, yaml, name; did you mean json?"},
      {"get -n", "--namespace: "},
      {"get -n Shop", "--namespace: \"Shop\" is not a namespace's name"},
      {"get gitsync ../api", "the kind is given twice and differs: gitsync and .."},
      {"get gitsync API", "\"API\" is not an object's name"},
      {"reconcile", "NAME is required"},
      {"reconcile --tiemout 5s", "unknown flag --tiemout; did you mean --timeout?"},
      {"reconcile api --timeout 5", "--timeout: \"5\" is not a duration"},
      {"reconcile api --timeout 0s", "--timeout: \"0s\" is not a duration"},
      {"reconcile api --kind pod", "unknown kind \"pod\""},
      {"reconcile api --wait=maybe", "wait"},
      {"reconcile gs/api --kind gitrepo", "the kind is given twice and differs"},
      {"suspend", "NAME is required"},
      {"resume api now", "unexpected argument \"now\""},
      {"render", "DIR is required"},
      {"render . -o wide", "--output: \"wide\" is none of yaml, json"},
      {"render . --owner api", "--owner: \"api\" is not namespace/name"},
      {"render . --owner shop/Api", "--owner: \"shop/Api\" is not namespace/name"},
      {"render . --target-namespace a.b", "--target-namespace: \"a.b\" is not a namespace's name"},
      {"version -o yaml", "--output: \"yaml\" is none of json"},
      {"operator --log-level warning", "--log-level: \"warning\" is none of debug, info, warn, error"},
      {"operator --namespace a/b", "--namespace: \"a/b\" is not a namespace's name"},
      {"operator --default-service-account a/b", "--default-service-account: \"a/b\" is not a ServiceAccount's name"},
      {"operator now", "unexpected argument \"now\""},
  }));
  const auto found = usage(row.line);
  CAPTURE(row.line, found.text);
  CHECK(found.code == 2);
  CHECK(found.text.find(row.text) != std::string::npos);
}

TEST_CASE("an argument cannot be longer in a message than a line") {
  const auto found = usage("get " + std::string(100'000, 'x'));
  CHECK(found.code == 2);
  CHECK(found.text.size() < 500);
}

TEST_CASE("help exits with 0 and names every flag") {
  for (const auto* line : {"help", "--help", "-h", "help --help"}) {
    const auto found = usage(line);
    CHECK(found.code == 0);
    for (const auto* verb : {"get", "reconcile", "suspend", "resume", "render", "operator", "version"})
      CHECK(found.text.find(cat("\n  ", verb, " ")) != std::string::npos);
    CHECK(found.text.find("git-worker") == std::string::npos); // for ourselves only
  }
  for (const auto* line : {"help reconcile", "reconcile --help", "reconcile -h", "reconcile api --help"}) {
    const auto found = usage(line);
    CAPTURE(line, found.text);
    CHECK(found.code == 0);
    for (const auto* flag : {"--kind", "-n,--namespace", "--with-source", "--wait", "--timeout", "--kubeconfig", "--context"})
      CHECK(found.text.find(flag) != std::string::npos);
  }
  CHECK(usage("help frobnicate").code == 2);
}

TEST_CASE("get") {
  const auto all = accepted<GetOptions>("get");
  CHECK(!all.kind);
  CHECK(all.output == Output::Table);
  CHECK(!all.all_namespaces);
  CHECK(!accepted<GetOptions>("get all").kind);
  CHECK(accepted<GetOptions>("get GitSyncs").kind == Kind::GitSync);
  CHECK(accepted<GetOptions>("get gs").kind == Kind::GitSync);
  CHECK(accepted<GetOptions>("get gitrepo").kind == Kind::GitRepository);
  CHECK(accepted<GetOptions>("get gitrepositories.gitops.volaticloud.com").kind == Kind::GitRepository);
  CHECK(accepted<GetOptions>("get -A").all_namespaces);

  for (const auto* line : {"get gitsync api -n shop -o json --context c --kubeconfig f",
                           "get gitsync/api --namespace=shop -ojson --context=c --kubeconfig=f",
                           "get -n shop --output json --context c --kubeconfig f gs api"}) {
    CAPTURE(line);
    const auto one = accepted<GetOptions>(line);
    CHECK(one.kind == Kind::GitSync);
    CHECK(one.name == "api");
    CHECK(one.ns == "shop");
    CHECK(one.output == Output::Json);
    CHECK(one.cluster.context == "c");
    CHECK(one.cluster.kubeconfig == "f");
  }
}

TEST_CASE("reconcile") {
  const auto usual = accepted<ReconcileOptions>("reconcile api");
  CHECK(usual.kind == Kind::GitSync);
  CHECK(usual.name == "api");
  CHECK(usual.with_source);
  CHECK(usual.wait);
  CHECK(usual.timeout == std::chrono::minutes(5));

  CHECK(!accepted<ReconcileOptions>("reconcile api --no-wait").wait);
  CHECK(!accepted<ReconcileOptions>("reconcile api --wait=false").wait);
  CHECK(accepted<ReconcileOptions>("reconcile api --wait").wait);
  CHECK(accepted<ReconcileOptions>("reconcile api --wait=true").wait);
  CHECK(!accepted<ReconcileOptions>("reconcile api --with-source=false").with_source);
  CHECK(!accepted<ReconcileOptions>("reconcile api --no-source").with_source);
  CHECK(accepted<ReconcileOptions>("reconcile api --kind gitrepository").kind == Kind::GitRepository);
  CHECK(accepted<ReconcileOptions>("reconcile gitrepo/api").kind == Kind::GitRepository);
  CHECK(accepted<ReconcileOptions>("reconcile gitrepo/api --kind gitrepository").name == "api");
  CHECK(accepted<ReconcileOptions>("reconcile api --timeout 1m30s").timeout == std::chrono::seconds(90));
}

TEST_CASE("suspend and resume") {
  CHECK(accepted<SuspendOptions>("suspend api -n shop").suspend);
  CHECK(accepted<SuspendOptions>("suspend api -n shop").ns == "shop");
  CHECK(!accepted<SuspendOptions>("resume gitrepo/src").suspend);
  CHECK(accepted<SuspendOptions>("resume gitrepo/src").kind == Kind::GitRepository);
}

TEST_CASE("plan") {
  CHECK(accepted<PlanOptions>("plan api -n shop").output == Output::Table);
  CHECK(accepted<PlanOptions>("plan api -o json").output == Output::Json);
  CHECK(accepted<PlanOptions>("plan api -o yaml -n shop").ns == "shop");
}

TEST_CASE("render") {
  const auto usual = accepted<RenderOptions>("render apps");
  CHECK(usual.directory == "apps");
  CHECK(usual.output == Output::Yaml);
  CHECK(usual.owner.empty());
  const auto full = accepted<RenderOptions>("render ./apps -o json --target-namespace shop --owner shop/api.v2");
  CHECK(full.output == Output::Json);
  CHECK(full.target_namespace == "shop");
  CHECK(full.owner == "shop/api.v2");
}

TEST_CASE("operator") {
  const auto usual = accepted<OperatorCommand>("operator");
  CHECK(usual.options.kubeconfig.empty());
  CHECK(usual.options.mirrors == OperatorOptions{}.mirrors);
  CHECK(usual.options.listen == OperatorOptions{}.listen);
  CHECK(usual.options.leader_elect);
  CHECK(usual.level == log::Level::Info);
  const auto full = accepted<OperatorCommand>("operator --kubeconfig k --context c --mirrors m --listen 127.0.0.1:0 "
                                              "--namespace ops --leader-elect=false --log-level debug");
  CHECK(full.options.kubeconfig == "k");
  CHECK(full.options.context == "c");
  CHECK(full.options.mirrors == "m");
  CHECK_FALSE(full.options.allow_file_urls);
  CHECK(accepted<OperatorCommand>("operator --allow-file-urls").options.allow_file_urls);
  CHECK(
      accepted<OperatorCommand>("operator --plain-http-registry a:1 --plain-http-registry b.c").options.plain_http_registries ==
      std::vector<std::string>{"a:1", "b.c"});
  CHECK(!usual.options.tenancy.require_service_account);
  CHECK(!usual.options.tenancy.cross_namespace_refs);
  CHECK(usual.options.tenancy.default_service_account.empty());
  const auto shared = accepted<OperatorCommand>("operator --default-service-account deployer --require-service-account "
                                                "--allow-cross-namespace-refs")
                          .options.tenancy;
  CHECK(shared.default_service_account == "deployer");
  CHECK(shared.require_service_account);
  CHECK(shared.cross_namespace_refs);
  CHECK(full.options.listen == "127.0.0.1:0");
  CHECK(full.options.lease_namespace == "ops");
  CHECK(!full.options.leader_elect);
  CHECK(full.level == log::Level::Debug);
  CHECK(!accepted<OperatorCommand>("operator --no-leader-elect").options.leader_elect);
}

TEST_CASE("import") {
  const auto options = accepted<ImportOptions>("import flux -n flux-system");
  CHECK(options.from == ImportOptions::From::Flux);
  CHECK(options.ns == "flux-system");
  CHECK(options.output == Output::Yaml);
  CHECK(accepted<ImportOptions>("import argocd -A").all_namespaces);
  CHECK(accepted<ImportOptions>("import argocd a.yaml - -o json").files == std::vector<std::string>{"a.yaml", "-"});
  CHECK(accepted<ImportOptions>("import argocd - -o json").output == Output::Json);
  for (const auto* line :
       {"import", "import fleet", "import flux -A -n shop", "import flux a.yaml -n shop", "import flux -o wide"})
    CHECK(usage(line).code == 2);
}

TEST_CASE("uninstall") {
  CHECK(!accepted<UninstallOptions>("uninstall").yes);
  CHECK(accepted<UninstallOptions>("uninstall").timeout == std::chrono::minutes(1));
  CHECK(accepted<UninstallOptions>("uninstall --yes --timeout 0s").timeout == std::chrono::seconds(0));
  CHECK(usage("uninstall --timeout soon").code == 2);
  CHECK(usage("uninstall everything").code == 2);
}

TEST_CASE("version") {
  CHECK(!accepted<VersionOptions>("version").json);
  CHECK(!accepted<VersionOptions>("--version").json);
  CHECK(accepted<VersionOptions>("version -o json").json);
}

TEST_CASE("a plugin of kubectl calls itself as its users call it") {
  CHECK(program_name("/usr/local/bin/kubectl-gitsync") == "kubectl gitsync");
  CHECK(program_name("kubectl-gitsync") == "kubectl gitsync");
  CHECK(program_name("/usr/bin/gitsync") == "gitsync");
  CHECK(program_name("") == "gitsync");
}
