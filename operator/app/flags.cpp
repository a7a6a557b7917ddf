// The one place that knows CLI11.
#include "app/flags.h"

#include "api/spec_reader.h"
#include "app/suggest.h"
#include "base/clock.h"
#include "base/text.h"
#include "object/image_name.h"

#include <CLI/CLI.hpp>

namespace gitsync::app {
namespace {

constexpr const char* outputs[] = {"", "wide", "json", "yaml", "name"}; // in Output's order

/// What an argument is wrong with; ends in a Usage with code 2.
struct Wrong {
  std::string text;
};

/// "gitsync/api" is kubectl's way to give kind and name at once.
void split_kind(std::string& kind, std::string& name) {
  const auto slash = name.find('/');
  if (slash == std::string::npos) return;
  if (!kind.empty() && parse_kind(kind) != parse_kind(name.substr(0, slash)))
    throw Wrong{cat(name, ": the kind is given twice and differs: ", kind, " and ", name.substr(0, slash))};
  kind = name.substr(0, slash);
  name.erase(0, slash + 1);
}

Kind kind_of(const std::string& word) {
  if (const auto kind = parse_kind(word)) return *kind;
  throw Wrong{cat("unknown kind \"", shorten(word, 80), "\"", did_you_mean(word, kind_words()),
                  " (kinds are gitsync and gitrepository)")};
}

void check_name(const std::string& name) {
  if (!api::is_dns_subdomain(name))
    throw Wrong{cat("\"", shorten(name, 80), "\" is not an object's name: lower-case letters, digits, \"-\" and \".\"")};
}

void check_namespace(std::string_view flag, const std::string& ns) {
  if (!ns.empty() && !api::is_dns_label(ns))
    throw Wrong{cat(flag, ": \"", shorten(ns, 80), "\" is not a namespace's name: lower-case letters, digits and \"-\"")};
}

Output output_of(const std::string& word, std::initializer_list<Output> allowed) {
  std::vector<std::string> words;
  for (const auto output : allowed) {
    words.emplace_back(outputs[static_cast<size_t>(output)]);
    if (words.back() == word) return output;
  }
  throw Wrong{cat("--output: \"", shorten(word, 80), "\" is none of ", join(words, ", "), did_you_mean(word, words))};
}

/// One verb: its flags, and what becomes of them. Members are what CLI11 writes to.
class Verb {
public:
  Verb(std::string name, std::string description) : name_(std::move(name)), description_(std::move(description)) {}
  virtual ~Verb() = default;
  virtual void declare(CLI::App& app) = 0;
  /// Throws Wrong.
  virtual Command finish() = 0;

  const std::string name_, description_;

protected:
  void declare_cluster(CLI::App& app) {
    app.add_option("--kubeconfig", cluster_.kubeconfig,
                   "Kubeconfig file (default: the first of KUBECONFIG, then ~/.kube/config, then the pod's service account)")
        ->type_name("FILE");
    app.add_option("--context", cluster_.context, "Context of the kubeconfig (default: its current one)")->type_name("NAME");
  }
  void declare_namespace(CLI::App& app) {
    app.add_option("-n,--namespace", ns_, "Namespace (default: the kubeconfig's)")->type_name("NAMESPACE");
  }
  void declare_object(CLI::App& app) {
    app.add_option("NAME", object_name_, "Name of the object, or kind/name")->required()->type_name("");
    app.add_option("--kind", kind_, "gitsync or gitrepository (default: gitsync)")->type_name("KIND");
    declare_namespace(app);
    declare_cluster(app);
  }
  template <class Options> Options object_options() {
    split_kind(kind_, object_name_);
    check_name(object_name_);
    check_namespace("--namespace", ns_);
    Options options;
    options.cluster = cluster_;
    options.kind = kind_.empty() ? Kind::GitSync : kind_of(kind_);
    options.name = object_name_;
    options.ns = ns_;
    return options;
  }

  ClusterFlags cluster_;
  std::string ns_, kind_, object_name_;
};

class GetVerb : public Verb {
public:
  GetVerb()
      : Verb("get", "Lists GitSyncs and GitRepositories, and says which GitSyncs are current as of their source's revision") {}
  void declare(CLI::App& app) override {
    app.add_option("KIND", kind_, "gitsync, gitrepository or all (default: all)")->type_name("");
    app.add_option("NAME", object_name_, "Only the object of that name")->type_name("");
    declare_namespace(app);
    app.add_flag("-A,--all-namespaces", all_namespaces_, "All namespaces");
    app.add_option("-o,--output", output_, "wide, json, yaml or name (default: a table)")->type_name("FORMAT");
    declare_cluster(app);
  }
  Command finish() override {
    if (object_name_.empty() && kind_.find('/') != std::string::npos) object_name_ = std::exchange(kind_, {});
    split_kind(kind_, object_name_);
    GetOptions options;
    options.cluster = cluster_;
    if (!kind_.empty() && kind_ != "all") options.kind = kind_of(kind_);
    if (!object_name_.empty()) {
      if (!options.kind) throw Wrong{"a NAME needs one kind: gitsync or gitrepository"};
      if (all_namespaces_) throw Wrong{"a NAME lies in one namespace: give -n NAMESPACE instead of -A"};
      check_name(object_name_);
    }
    if (all_namespaces_ && !ns_.empty()) throw Wrong{"-n and -A exclude each other"};
    check_namespace("--namespace", ns_);
    options.name = object_name_;
    options.ns = ns_;
    options.all_namespaces = all_namespaces_;
    if (!output_.empty()) options.output = output_of(output_, {Output::Wide, Output::Json, Output::Yaml, Output::Name});
    return options;
  }

private:
  bool all_namespaces_ = false;
  std::string output_;
};

class ReconcileVerb : public Verb {
public:
  ReconcileVerb() : Verb("reconcile", "Asks the operator to fetch and apply now, and waits for the result") {}
  void declare(CLI::App& app) override {
    declare_object(app);
    app.add_flag("--with-source,!--no-source", with_source_,
                 "Of a GitSync: ask its GitRepository to fetch first (default: true)");
    app.add_flag("--wait,!--no-wait", wait_, "Wait until it is done; exit code 1 where it fails (default: true)");
    app.add_option("--timeout", timeout_, "How long to wait at most, such as 30s (default: 5m)")->type_name("DURATION");
  }
  Command finish() override {
    auto options = object_options<ReconcileOptions>();
    options.with_source = with_source_;
    options.wait = wait_;
    const auto timeout = parse_duration(timeout_);
    if (!timeout || *timeout <= std::chrono::milliseconds::zero())
      throw Wrong{cat("--timeout: \"", shorten(timeout_, 80), "\" is not a duration such as 30s or 5m")};
    options.timeout = *timeout;
    return options;
  }

private:
  bool with_source_ = true, wait_ = true;
  std::string timeout_ = "5m";
};

class SuspendVerb : public Verb {
public:
  explicit SuspendVerb(bool suspend)
      : Verb(suspend ? "suspend" : "resume",
             suspend ? "Pauses a GitSync (drift is no longer corrected) or a GitRepository (no longer polled)"
                     : "Ends the pause of a GitSync or GitRepository, and asks for a reconciliation"),
        suspend_(suspend) {}
  void declare(CLI::App& app) override { declare_object(app); }
  Command finish() override {
    auto options = object_options<SuspendOptions>();
    options.suspend = suspend_;
    return options;
  }

private:
  bool suspend_;
};

class ApproveVerb : public Verb {
public:
  ApproveVerb() : Verb("approve", "Consents to the plan for which a GitSync waits (status.planDigest)") {}
  void declare(CLI::App& app) override {
    app.add_option("NAME", object_name_, "Name of the GitSync")->required()->type_name("");
    app.add_option("--plan-digest", digest_, "Only if this plan is the one that waits (default: whichever waits)")
        ->type_name("SHA256");
    declare_namespace(app);
    declare_cluster(app);
  }
  Command finish() override {
    check_name(object_name_);
    check_namespace("--namespace", ns_);
    ApproveOptions options;
    options.cluster = cluster_;
    options.name = object_name_;
    options.ns = ns_;
    options.plan_digest = digest_;
    return options;
  }

private:
  std::string digest_;
};

class PlanVerb : public Verb {
public:
  PlanVerb() : Verb("plan", "Shows what the plan that waits for an Approval would change; exit code 1 where there is one") {}
  void declare(CLI::App& app) override {
    app.add_option("NAME", object_name_, "Name of the GitSync")->required()->type_name("");
    app.add_option("-o,--output", output_, "json or yaml (default: text)")->type_name("FORMAT");
    declare_namespace(app);
    declare_cluster(app);
  }
  Command finish() override {
    check_name(object_name_);
    check_namespace("--namespace", ns_);
    PlanOptions options;
    options.cluster = cluster_;
    options.name = object_name_;
    options.ns = ns_;
    if (!output_.empty()) options.output = output_of(output_, {Output::Json, Output::Yaml});
    return options;
  }

private:
  std::string output_;
};

class PauseVerb : public Verb {
public:
  PauseVerb() : Verb("pause", "Lets go of one managed object for a while, so that it can be mended by hand") {}
  void declare(CLI::App& app) override {
    app.add_option("OBJECT", object_name_, "The object, as kind/name (deployment/api)")->required()->type_name("");
    app.add_option("--for", length_, "For how long, 1s to 24h (default: 30m)")->type_name("DURATION");
    app.add_option("--reason", reason_, "Why, for those who find it changed")->type_name("TEXT");
    app.add_flag("--end", end_, "Ends the pauses of the object");
    declare_namespace(app);
    declare_cluster(app);
  }
  Command finish() override {
    const auto slash = object_name_.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == object_name_.size())
      throw Wrong{cat("\"", shorten(object_name_, 80), "\" is not kind/name, such as deployment/api")};
    check_namespace("--namespace", ns_);
    using namespace std::chrono_literals;
    const auto length = parse_duration(length_);
    if (!length || *length < 1s || *length > 24h)
      throw Wrong{cat("--for: \"", shorten(length_, 80), "\" is not a duration between 1s and 24h, such as 30m")};
    if (!end_ && trim(reason_).empty()) throw Wrong{"--reason is required: those who find the object changed will ask"};
    if (reason_.size() > 1024) throw Wrong{"--reason is longer than 1024 characters"};
    PauseOptions options;
    options.cluster = cluster_;
    options.kind = object_name_.substr(0, slash);
    options.name = object_name_.substr(slash + 1);
    options.ns = ns_;
    options.length = length_;
    options.reason = std::string(trim(reason_));
    options.end = end_;
    return options;
  }

private:
  std::string length_ = "30m", reason_;
  bool end_ = false;
};

class RenderVerb : public Verb {
public:
  RenderVerb()
      : Verb("render", "Prints what the operator would apply for a directory; reads files only, talks to no cluster") {}
  void declare(CLI::App& app) override {
    app.add_option("DIR", directory_, "Directory with manifests (*.yaml, *.yml, *.json)")->required()->type_name("");
    app.add_option("-o,--output", output_, "yaml or json (default: yaml)")->type_name("FORMAT");
    app.add_option("--target-namespace", target_, "Namespace of the objects that name none (default: \"default\")")
        ->type_name("NAMESPACE");
    app.add_option("--owner", owner_, "GitSync that would own the objects: adds its label and annotation")
        ->type_name("NAMESPACE/NAME");
  }
  Command finish() override {
    if (directory_.empty()) throw Wrong{"DIR is empty"};
    check_namespace("--target-namespace", target_);
    if (!owner_.empty()) {
      const auto slash = owner_.find('/');
      if (slash == std::string::npos || !api::is_dns_label(owner_.substr(0, slash)) ||
          !api::is_dns_subdomain(owner_.substr(slash + 1)))
        throw Wrong{cat("--owner: \"", shorten(owner_, 80), "\" is not namespace/name of a GitSync")};
    }
    RenderOptions options;
    options.directory = directory_;
    options.output = output_of(output_, {Output::Yaml, Output::Json});
    options.target_namespace = target_;
    options.owner = owner_;
    return options;
  }

private:
  std::string directory_, output_ = "yaml", target_, owner_;
};

class ImportVerb : public Verb {
public:
  ImportVerb() : Verb("import", "Writes GitRepositories and GitSyncs from the resources of Flux or Argo CD; changes nothing") {}
  void declare(CLI::App& app) override {
    app.add_option("TOOL", tool_, "flux or argocd")->required()->type_name("");
    app.add_option("FILE", files_, "Files with its resources, - for standard input (default: ask the cluster)")->type_name("");
    app.add_flag("-A,--all-namespaces", all_namespaces_, "Of the cluster: all namespaces");
    app.add_option("-o,--output", output_, "yaml or json (default: yaml)")->type_name("FORMAT");
    declare_namespace(app);
    declare_cluster(app);
  }
  Command finish() override {
    ImportOptions options;
    if (tool_ == "argocd" || tool_ == "argo")
      options.from = ImportOptions::From::Argo;
    else if (tool_ != "flux")
      throw Wrong{cat("unknown tool \"", shorten(tool_, 80), "\"", did_you_mean(tool_, {"flux", "argocd"}),
                      " (tools are flux and argocd)")};
    if (all_namespaces_ && !ns_.empty()) throw Wrong{"-n and -A exclude each other"};
    if (!files_.empty() && (all_namespaces_ || !ns_.empty())) throw Wrong{"-n and -A are for the cluster, not for files"};
    check_namespace("--namespace", ns_);
    options.cluster = cluster_;
    options.files = files_;
    options.ns = ns_;
    options.all_namespaces = all_namespaces_;
    options.output = output_of(output_, {Output::Yaml, Output::Json});
    return options;
  }

private:
  std::string tool_, output_ = "yaml";
  std::vector<std::string> files_;
  bool all_namespaces_ = false;
};

class UninstallVerb : public Verb {
public:
  UninstallVerb() : Verb("uninstall", "Ends all GitSyncs of the cluster and leaves what they manage, operator or not") {}
  void declare(CLI::App& app) override {
    app.add_flag("--yes", yes_, "Do it; else it is only told what would be done");
    app.add_option("--timeout", timeout_,
                   "How long an operator has to do its part before finalizers are removed without it (default: 1m)")
        ->type_name("DURATION");
    declare_cluster(app);
  }
  Command finish() override {
    const auto timeout = parse_duration(timeout_);
    if (!timeout || *timeout < std::chrono::milliseconds::zero())
      throw Wrong{cat("--timeout: \"", shorten(timeout_, 80), "\" is not a duration such as 30s or 5m")};
    return UninstallOptions{cluster_, yes_, *timeout};
  }

private:
  bool yes_ = false;
  std::string timeout_ = "1m";
};

class VersionVerb : public Verb {
public:
  VersionVerb() : Verb("version", "Prints the version, and what it was built with") {}
  void declare(CLI::App& app) override { app.add_option("-o,--output", output_, "json (default: text)")->type_name("FORMAT"); }
  Command finish() override {
    if (!output_.empty()) output_of(output_, {Output::Json});
    return VersionOptions{!output_.empty()};
  }

private:
  std::string output_;
};

class OperatorVerb : public Verb {
public:
  OperatorVerb() : Verb("operator", "Runs the operator until SIGTERM or SIGINT") {}
  void declare(CLI::App& app) override {
    app.add_option("--kubeconfig", cluster_.kubeconfig, "Kubeconfig file (default: the pod's service account)")
        ->type_name("FILE");
    app.add_option("--context", cluster_.context, "Context of the kubeconfig (default: its current one)")->type_name("NAME");
    app.add_option("--mirrors", mirrors_, cat("Directory of the git mirrors (default: ", mirrors_, ")"))->type_name("DIR");
    app.add_option("--listen", options_.listen,
                   cat("Address of probes and metrics; port 0 takes a free one (default: ", options_.listen, ")"))
        ->type_name("ADDRESS:PORT");
    app.add_option("--webhook-listen", options_.webhook_listen,
                   "Address of the receiver for webhooks of git hosts, such as 0.0.0.0:9292 (default: none, it is off)")
        ->type_name("ADDRESS:PORT");
    app.add_option("--namespace", ns_, "Where the Lease lives (default: the configuration's namespace)")
        ->type_name("NAMESPACE");
    app.add_flag("--leader-elect,!--no-leader-elect", options_.leader_elect,
                 "Work only while holding the Lease (default: true)");
    app.add_flag("--allow-file-urls", options_.allow_file_urls,
                 "Let GitRepositories read file:// URLs, from the operator's own disk (default: false)");
    app.add_option("--plain-http-registry", options_.plain_http_registries,
                   "Ask this container registry over http instead of https; may be given several times (default: none)")
        ->type_name("HOST:PORT");
    app.add_option(
           "--default-service-account", options_.tenancy.default_service_account,
           "ServiceAccount that GitSyncs without spec.serviceAccountName act as, in their own namespace (default: none, the "
           "operator acts in its own name)")
        ->type_name("NAME");
    app.add_flag("--require-service-account", options_.tenancy.require_service_account,
                 "Refuse GitSyncs without a service account instead of acting in the operator's own name (default: false)");
    app.add_flag("--allow-cross-namespace-refs", options_.tenancy.cross_namespace_refs,
                 "Let GitSyncs follow GitRepositories of other namespaces (default: false)");
    app.add_option("--log-level", level_, "debug, info, warn or error (default: info)")->type_name("LEVEL");
  }
  Command finish() override {
    check_namespace("--namespace", ns_);
    if (const auto& account = options_.tenancy.default_service_account; !account.empty() && !api::is_dns_subdomain(account))
      throw Wrong{cat("--default-service-account: \"", shorten(account, 80),
                      "\" is not a ServiceAccount's name: lower-case letters, digits, \"-\" and \".\"")};
    OperatorCommand command;
    if (!log::parse_level(level_, command.level)) {
      const std::vector<std::string> levels = {"debug", "info", "warn", "error"};
      throw Wrong{
          cat("--log-level: \"", shorten(level_, 80), "\" is none of ", join(levels, ", "), did_you_mean(level_, levels))};
    }
    if (mirrors_.empty()) throw Wrong{"--mirrors: needs a directory"};
    if (options_.listen.empty()) throw Wrong{"--listen: needs ADDRESS:PORT, such as 0.0.0.0:8080"};
    for (const auto& registry : options_.plain_http_registries)
      if (const auto name = parse_image_name(registry + "/any"); !name || name->registry != registry)
        throw Wrong{
            cat("--plain-http-registry: \"", shorten(registry, 80), "\" is not HOST:PORT, such as registry.local:5000")};
    options_.kubeconfig = cluster_.kubeconfig;
    options_.context = cluster_.context;
    options_.mirrors = mirrors_;
    options_.lease_namespace = ns_;
    command.options = options_;
    return command;
  }

private:
  OperatorOptions options_;
  std::string mirrors_ = options_.mirrors.string(), level_ = "info";
};

std::vector<std::unique_ptr<Verb>> all_verbs() {
  std::vector<std::unique_ptr<Verb>> verbs;
  verbs.push_back(std::make_unique<GetVerb>());
  verbs.push_back(std::make_unique<ReconcileVerb>());
  verbs.push_back(std::make_unique<SuspendVerb>(true));
  verbs.push_back(std::make_unique<SuspendVerb>(false));
  verbs.push_back(std::make_unique<PlanVerb>());
  verbs.push_back(std::make_unique<ApproveVerb>());
  verbs.push_back(std::make_unique<PauseVerb>());
  verbs.push_back(std::make_unique<RenderVerb>());
  verbs.push_back(std::make_unique<ImportVerb>());
  verbs.push_back(std::make_unique<UninstallVerb>());
  verbs.push_back(std::make_unique<OperatorVerb>());
  verbs.push_back(std::make_unique<VersionVerb>());
  return verbs;
}

std::string overview(std::string_view program) {
  std::string out = cat("gitsync keeps a Kubernetes cluster as git repositories declare it.\n\nUsage: ", program,
                        " VERB [flags]\n\nVerbs:\n");
  for (const auto& verb : all_verbs())
    out += cat("  ", verb->name_, std::string(12 - verb->name_.size(), ' '), verb->description_, "\n");
  out += cat("\n\"", program, " VERB --help\" tells a verb's flags. Exit codes: 0 done, 1 failed, 2 wrong usage.\n");
  return out;
}

/// What was typed and is neither a flag of the verb nor expected.
std::string unexpected(const CLI::App& app) {
  const auto extras = app.remaining();
  if (extras.empty()) return "unexpected argument";
  // A flag explains what follows it: "--nmespace shop" leaves both.
  const auto flag = std::ranges::find_if(extras, [](const std::string& text) { return text.starts_with('-'); });
  if (flag == extras.end()) return cat("unexpected argument \"", shorten(extras.front(), 80), "\"");
  std::vector<std::string> known;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    for (const auto& name : option->get_snames()) known.push_back("-" + name);
  }
  const auto typed = flag->substr(0, flag->find('='));
  return cat("unknown flag ", shorten(typed, 80), did_you_mean(typed, known));
}

Command parse_verb(std::string_view program, Verb& verb, std::vector<std::string> arguments) {
  const std::string called = cat(program, ' ', verb.name_);
  const auto wrong = [&](std::string_view text) {
    return Usage{2, cat(called, ": ", text, "\nSee \"", called, " --help\".\n")};
  };
  CLI::App app(verb.description_, called);
  try {
    app.set_help_flag("-h,--help", "Prints this help");
    app.get_formatter()->column_width(38);
    verb.declare(app);
    std::ranges::reverse(arguments); // CLI11 takes them from the back
    app.parse(std::move(arguments));
    return verb.finish();
  } catch (const Wrong& problem) { return wrong(problem.text); } catch (const CLI::CallForHelp&) {
    return Usage{0, app.help()};
  } catch (const CLI::ExtrasError&) { return wrong(unexpected(app)); } catch (const CLI::Error& error) {
    // An unknown flag is the cause, a missing NAME only its consequence.
    const auto extras = app.remaining();
    if (std::ranges::any_of(extras, [](const std::string& text) { return text.starts_with('-'); }))
      return wrong(unexpected(app));
    return wrong(error.what());
  }
}

} // namespace

std::string_view program_name(std::string_view argv0) {
  const auto base = argv0.substr(argv0.rfind('/') + 1); // npos + 1 is 0
  return base == "kubectl-gitsync" ? "kubectl gitsync" : "gitsync";
}

Command parse_arguments(std::string_view program, std::vector<std::string> arguments) {
  if (arguments.empty()) return Usage{2, overview(program)};
  std::string word = arguments.front();
  arguments.erase(arguments.begin());
  if (word == "--version") word = "version";
  if (word == "help" || word == "--help" || word == "-h") {
    if (arguments.empty() || arguments.front().starts_with('-')) return Usage{0, overview(program)};
    word = arguments.front();
    arguments = {"--help"};
  }
  if (word.starts_with('-'))
    return Usage{2, cat(program, ": the verb comes first, flags such as ", shorten(word, 80), " behind it\nSee \"", program,
                        " help\".\n")};
  std::vector<std::string> names = {"help"};
  for (const auto& verb : all_verbs()) {
    if (verb->name_ == word) return parse_verb(program, *verb, std::move(arguments));
    names.push_back(verb->name_);
  }
  return Usage{2, cat(program, ": unknown verb \"", shorten(word, 80), "\"", did_you_mean(word, names), "\nSee \"", program,
                      " help\".\n")};
}

} // namespace gitsync::app
