// For a function that is so short that a call of it would cost more than its work.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#define PARIBUS_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define PARIBUS_ALWAYS_INLINE inline
#endif
