// What a process gives back to the system.
#pragma once

namespace gitsync {

/// Frees what lies unused on the heap, and lets go of the pages of program and libraries that the start alone needed (symbol
/// tables, initialisers: several MiB with OpenSSL and libcurl's libraries). They come from the page cache again where they are
/// needed again. Any thread; takes a millisecond or so; for moments of rest.
void give_back_memory();

} // namespace gitsync
