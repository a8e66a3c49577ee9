// Which sanitizers this build has, for tests that are about time or memory: everything takes
// several times as much then.

#ifndef PLEGD_PLEG_TESTING_SANITIZERS_H_
#define PLEGD_PLEG_TESTING_SANITIZERS_H_

namespace pleg::testing {

#if defined(__clang__)
inline constexpr bool kAddressSanitized = __has_feature(address_sanitizer);
inline constexpr bool kThreadSanitized = __has_feature(thread_sanitizer);
#else
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kAddressSanitized = true;
#else
inline constexpr bool kAddressSanitized = false;
#endif
#ifdef __SANITIZE_THREAD__
inline constexpr bool kThreadSanitized = true;
#else
inline constexpr bool kThreadSanitized = false;
#endif
#endif
inline constexpr bool kSanitized = kAddressSanitized || kThreadSanitized;

}  // namespace pleg::testing

#endif  // PLEGD_PLEG_TESTING_SANITIZERS_H_
