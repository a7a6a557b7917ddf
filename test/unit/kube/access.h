// A kube::Client that talks to an imposter.
#pragma once
#include "kube/client.h"
#include "unit/http/imposter.h"

namespace gitsync::kube {

/// Access without files: a token that can be rotated.
struct FakeAccess : Access {
  std::string server, token = "token-1", next_token; // next_token: what a refresh finds
  int refreshed = 0;
  Connection current(Instant) override { return {server, "Bearer " + token, nullptr}; }
  bool refresh(Instant) override {
    ++refreshed;
    if (next_token.empty()) return false;
    token = std::exchange(next_token, "");
    return true;
  }
  std::string default_namespace() const override { return "default"; }
};

/// http::Bench with a kube::Client in front.
struct KubeBench : http::Bench {
  FakeAccess* access = nullptr;
  Client kube;
  explicit KubeBench(http::Handler handler) : http::Bench(std::move(handler)), kube(client, make(), "test/1") {}

private:
  std::unique_ptr<Access> make() {
    auto out = std::make_unique<FakeAccess>();
    out->server = imposter.url();
    access = out.get();
    return out;
  }
};

} // namespace gitsync::kube
