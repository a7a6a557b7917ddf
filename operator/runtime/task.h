// The coroutine type of all control logic. One io_context runs on one thread (the "control thread"), so rooms need no locks;
// what blocks goes to a worker process.
#pragma once
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace gitsync {

namespace asio = boost::asio;
template <class T = void> using Task = asio::awaitable<T>;
/// Gives an error_code instead of an exception: co_await x.async_wait(as_result).
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// Whether a coroutine was cancelled: is_cancelled(co_await asio::this_coro::cancellation_state). No coroutine of its own,
/// since awaiting one throws where the awaiting coroutine is cancelled.
inline bool is_cancelled(const asio::cancellation_state& state) { return state.cancelled() != asio::cancellation_type::none; }

/// Waits; returns early, without an exception, when the coroutine is cancelled.
Task<> sleep_for(std::chrono::steady_clock::duration duration);

} // namespace gitsync
