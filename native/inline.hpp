// Functions that must be compiled into their callers: each instruction set's own copy, never shared between files that
// are compiled with different flags.
#pragma once

#if defined(_MSC_VER) && !defined(__clang__)
#define PELLUCID_INLINE __forceinline
#else
#define PELLUCID_INLINE inline __attribute__((always_inline))
#endif
