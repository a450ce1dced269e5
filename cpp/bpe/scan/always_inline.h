// A function whose caller depends on seeing its body: what a compiler leaves as a call there costs
// more than the work itself.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#define PARIBUS_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define PARIBUS_ALWAYS_INLINE inline
#endif
