//! Hints to the processor's cache. They change nothing but time.

/// Has the processor fetch all cache lines of `value` into its first cache, without waiting for them.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        let first = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..size_of::<T>()).step_by(LINE_BYTES) {
            #[expect(
                unsafe_code,
                reason = "a hint at an address within `value`, which is never an access"
            )]
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(first.add(offset));
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

#[cfg(target_arch = "x86_64")]
const LINE_BYTES: usize = 64;
