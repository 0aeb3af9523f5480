//! C argument patterns as Rust values. The `unsafe` constructors state what the application has
//! promised about a pointer; everything after them is safe.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void, CStr};
use std::marker::PhantomData;
use std::sync::Arc;

use isocl_runtime::device::Device;
use isocl_runtime::wait_list::EventRequest;
use isocl_runtime::{Error, ErrorCode, Result};

use crate::abi::{cl_bool, cl_event};
use crate::object::Object;

/// Names in property lists beyond this are taken for a missing end.
const MAX_PROPERTIES: usize = 64;

pub(crate) fn invalid_value(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidValue, reason)
}

pub(crate) fn device_not_in_context() -> Error {
    Error::new(
        ErrorCode::InvalidDevice,
        "a device is not associated with the context",
    )
}

/// An array of the application: null, or `len` elements.
#[derive(Clone, Copy)]
pub(crate) struct List<'a, T> {
    first: *const T,
    len: usize,
    call: PhantomData<&'a T>,
}

impl<'a, T: Copy> List<'a, T> {
    /// # Safety
    /// `first` is null or points to `len` readable elements, which stay so during the call.
    pub unsafe fn new(first: *const T, len: impl TryInto<usize>) -> Self {
        Self {
            first,
            len: len.try_into().unwrap_or(0),
            call: PhantomData,
        }
    }

    /// Whether the array is null.
    pub fn is_null(&self) -> bool {
        self.first.is_null()
    }

    /// Number of elements that the application announced.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether a length came without an array, or an array without a length.
    pub fn is_half_given(&self) -> bool {
        self.is_null() != (self.len == 0)
    }

    /// Whether `place` is one of the array's elements.
    pub fn contains_place(&self, place: *const T) -> bool {
        let bytes = self.len * size_of::<T>();
        !self.is_null() && (place as usize).wrapping_sub(self.first as usize) < bytes
    }

    /// The elements; none when the array is null. Arrays need not be aligned.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        let len = if self.is_null() { 0 } else { self.len };
        (0..len).map(move |index| {
            // SAFETY: `index < len` and the pointer is not null: `new`'s contract.
            unsafe { self.first.add(index).read_unaligned() }
        })
    }

    /// The elements.
    ///
    /// # Errors
    /// `InvalidValue` when the array is null.
    pub fn required(self, reason: &'static str) -> Result<Vec<T>> {
        if self.is_null() {
            return Err(invalid_value(reason));
        }
        Ok(self.iter().collect())
    }
}

impl<'a> List<'a, u8> {
    /// `len` bytes at `first`.
    ///
    /// # Safety
    /// As for [`List::new`].
    pub unsafe fn bytes(first: *const c_void, len: usize) -> Self {
        // SAFETY: the caller's contract.
        unsafe { Self::new(first.cast(), len) }
    }

    /// The bytes in place; none when the pointer is null.
    pub fn as_slice(&self) -> Option<&'a [u8]> {
        // A length that no object can have is not a promise anybody could keep.
        if self.is_null() || isize::try_from(self.len).is_err() {
            return None;
        }
        // SAFETY: `new`'s contract; bytes are always aligned.
        Some(unsafe { std::slice::from_raw_parts(self.first, self.len) })
    }
}

impl<T: Copy> List<'_, T> {
    /// Three elements, where the standard says so.
    ///
    /// # Errors
    /// `InvalidValue` when the array is null.
    pub fn three(self, reason: &'static str) -> Result<[T; 3]> {
        <[T; 3]>::try_from(self.required(reason)?).map_err(|_| invalid_value(reason))
    }
}

/// A place for a result: null, or writable.
pub(crate) struct Out<'a, T> {
    place: *mut T,
    call: PhantomData<&'a mut T>,
}

impl<T> Out<'_, T> {
    /// # Safety
    /// `place` is null or points to memory for one `T` that stays writable during the call.
    pub unsafe fn new(place: *mut T) -> Self {
        Self {
            place,
            call: PhantomData,
        }
    }

    /// Whether the application does not want the result.
    pub fn is_null(&self) -> bool {
        self.place.is_null()
    }

    /// Stores a result, unless it is not wanted.
    pub fn write_if_wanted(&self, value: T) {
        if !self.is_null() {
            // SAFETY: `new`'s contract.
            unsafe { self.place.write_unaligned(value) };
        }
    }
}

/// Places for results: null, or `len` writable elements.
pub(crate) struct OutList<'a, T> {
    first: *mut T,
    len: usize,
    call: PhantomData<&'a mut T>,
}

impl<T> OutList<'_, T> {
    /// # Safety
    /// `first` is null or points to memory for `len` elements that stays writable during the
    /// call.
    pub unsafe fn new(first: *mut T, len: usize) -> Self {
        Self {
            first,
            len,
            call: PhantomData,
        }
    }

    /// Whether the application does not want the results.
    pub fn is_null(&self) -> bool {
        self.first.is_null()
    }

    /// Number of places.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Stores as many results as there are places.
    pub fn write(&self, values: impl IntoIterator<Item = T>) {
        if self.is_null() {
            return;
        }
        for (index, value) in values.into_iter().take(self.len).enumerate() {
            // SAFETY: `index < len` and the pointer is not null: `new`'s contract.
            unsafe { self.first.add(index).write_unaligned(value) };
        }
    }
}

/// The bytes of a string of the application, without the zero; none when the pointer is null.
///
/// # Safety
/// `string` is null or points to a string that ends with a zero and stays so during the call.
pub(crate) unsafe fn bytes<'a>(string: *const c_char) -> Option<&'a [u8]> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the caller's contract.
    Some(unsafe { CStr::from_ptr(string) }.to_bytes())
}

/// A string of the application; none when the pointer is null. Bytes that are no UTF-8 are
/// replaced.
///
/// # Safety
/// `string` is null or points to a string that ends with a zero.
pub(crate) unsafe fn text(string: *const c_char) -> Option<String> {
    // SAFETY: the caller's contract; the bytes are copied at once.
    let bytes = unsafe { bytes(string) }?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// A property list as the application gave it, with the zero at its end; empty when the pointer is
/// null. `P` is one of the property types, all of which have 64 bits.
///
/// # Safety
/// `list` is null or points to pairs of a name and a value, followed by a zero.
pub(crate) unsafe fn properties<P: Property>(list: *const P) -> Result<Vec<u64>> {
    let mut values = Vec::new();
    if list.is_null() {
        return Ok(values);
    }
    for pair in 0..MAX_PROPERTIES {
        // SAFETY: no name before this one was the zero at the end, so this one is in the list.
        let name = unsafe { list.add(2 * pair).read_unaligned() }.bits();
        values.push(name);
        if name == 0 {
            return Ok(values);
        }
        // SAFETY: a name is followed by its value.
        values.push(unsafe { list.add(2 * pair + 1).read_unaligned() }.bits());
    }
    Err(invalid_value("the property list has no end"))
}

/// The element of a property list.
pub(crate) trait Property: Copy {
    /// The value as bits.
    fn bits(self) -> u64;
}

impl Property for u64 {
    fn bits(self) -> u64 {
        self
    }
}

impl Property for isize {
    fn bits(self) -> u64 {
        self as u64
    }
}

/// The pairs of a property list that [`properties`] returned, without the zero at its end.
pub(crate) fn pairs(properties: &[u64]) -> impl Iterator<Item = (u64, u64)> + '_ {
    properties.chunks_exact(2).map(|pair| (pair[0], pair[1]))
}

/// The pattern of a fill; its size is checked by the runtime.
///
/// # Errors
/// `InvalidValue` when the pointer is null.
pub(crate) fn pattern(pattern: &List<'_, u8>) -> Result<Vec<u8>> {
    // CL_INVALID_VALUE: pattern is NULL or pattern_size is 0 or too large. No more is read than
    // the largest pattern and a byte, so that a wrong size cannot make us read beyond it by much.
    const MOST: usize = 128;
    let bytes = List {
        len: pattern.len().min(MOST + 1),
        ..*pattern
    };
    bytes.required("pattern is NULL")
}

/// Every value but `CL_FALSE` is true.
pub(crate) fn boolean(value: cl_bool) -> bool {
    value != 0
}

/// The last two arguments of a call that enqueues a command.
///
/// # Errors
/// `InvalidEventWaitList` when length and array do not fit each other or a handle is invalid.
/// `InvalidEvent` when the command's own event would be stored into the list.
pub(crate) fn event_request(
    events: List<'_, cl_event>,
    event: &Out<'_, cl_event>,
) -> Result<EventRequest> {
    let invalid = |reason| Error::new(ErrorCode::InvalidEventWaitList, reason);
    // CL_INVALID_EVENT_WAIT_LIST: event_wait_list is NULL and num_events_in_wait_list > 0, or
    // event_wait_list is not NULL and num_events_in_wait_list is 0.
    if events.is_half_given() {
        return Err(invalid(
            "num_events_in_wait_list and event_wait_list do not fit each other",
        ));
    }
    let wants_event = !event.is_null();
    if events.is_null() {
        return Ok(EventRequest {
            wait_list: Vec::new(),
            wants_event,
        });
    }
    // §5.11: event must not refer to an element of the event_wait_list array.
    if events.contains_place(event.place) {
        return Err(Error::new(
            ErrorCode::InvalidEvent,
            "event refers to an element of event_wait_list",
        ));
    }
    // CL_INVALID_EVENT_WAIT_LIST: event objects in event_wait_list are not valid events.
    let wait_list = objects(events)
        .map_err(|_| invalid("event_wait_list has a handle that is not that of an event"))?;
    Ok(EventRequest {
        wait_list,
        wants_event,
    })
}

/// The objects of a list of handles.
///
/// # Errors
/// The error of the type when a handle is invalid.
pub(crate) fn objects<T: Object>(handles: List<'_, *mut c_void>) -> Result<Vec<Arc<T>>> {
    handles
        .iter()
        .map(|handle| Ok(Arc::clone(&*T::registry().get(handle)?)))
        .collect()
}

/// The devices of a list that may be left out.
///
/// # Errors
/// `InvalidValue` when length and array do not fit each other, `InvalidDevice`.
pub(crate) fn optional_devices(devices: List<'_, *mut c_void>) -> Result<Option<Vec<Arc<Device>>>> {
    // CL_INVALID_VALUE: device_list is NULL and num_devices is greater than zero, or device_list
    // is not NULL and num_devices is zero.
    if devices.is_half_given() {
        return Err(invalid_value(
            "num_devices and device_list do not fit each other",
        ));
    }
    if devices.is_null() {
        return Ok(None);
    }
    objects(devices).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_lists_end_with_zero_and_must_end() {
        let list = [1_u64, 2, 3, 4, 0];
        // SAFETY: the list ends with a zero.
        assert_eq!(unsafe { properties(list.as_ptr()) }.unwrap(), list);
        assert_eq!(pairs(&list).collect::<Vec<_>>(), [(1, 2), (3, 4)]);
        // SAFETY: null is allowed.
        assert!(unsafe { properties::<isize>(std::ptr::null()) }
            .unwrap()
            .is_empty());
        let endless = [7_isize; 2 * MAX_PROPERTIES];
        // SAFETY: as long as is read.
        let error = unsafe { properties(endless.as_ptr()) }.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidValue);
    }

    #[test]
    fn lists_know_whether_they_are_half_given() {
        let value = [5_u32];
        // SAFETY: one element; null.
        let (full, empty, half, other) = unsafe {
            (
                List::new(value.as_ptr(), 1_u32),
                List::<u32>::new(std::ptr::null(), 0),
                List::<u32>::new(std::ptr::null(), 1),
                List::new(value.as_ptr(), 0),
            )
        };
        assert!(!full.is_half_given() && !empty.is_half_given());
        assert!(half.is_half_given() && other.is_half_given());
        assert_eq!(full.iter().collect::<Vec<_>>(), [5]);
        assert_eq!(half.iter().count(), 0);
        assert!(half.required("").is_err() && full.three("").is_err());
    }

    #[test]
    fn results_go_only_where_there_is_room() {
        let mut places = [0; 2];
        // SAFETY: two elements; null.
        let (out, nowhere) = unsafe {
            (
                OutList::new(places.as_mut_ptr(), 2),
                OutList::<i32>::new(std::ptr::null_mut(), 2),
            )
        };
        out.write([1, 2, 3]);
        nowhere.write([1]);
        assert_eq!(places, [1, 2]);
    }
}
