// Only carries the precompiled header that it is compiled with; every room reuses it.
