// Precompiled header of the rooms that act: the pure one and Boost.Asio.
#pragma once
#include "pch_pure.h"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
