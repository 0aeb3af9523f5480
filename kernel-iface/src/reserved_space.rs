//! Address space that user space reserves and puts memory into: the user-reserved placement.
//!
//! Large stretches are reserved when they are first needed, and slabs are mapped inside them. A
//! plan as wide as user space leaves the choice of the stretch to the system; a narrower one is
//! searched, around whatever the process has mapped there already.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::aperture::AddressPlan;
use crate::driver::SlabRequest;
use crate::mapping::{Backing, Mapping, Reservation};
use crate::{process_map, Error, Result, SLAB_GRANULE};

/// Address space reserved at a time, in bytes, where there is much; elsewhere a share of it, so that
/// one user of a small aperture leaves room for others.
const STRETCH: usize = 64 << 30;
const SHARE: usize = 8;

/// How often a stretch is searched again when another thread mapped something there meanwhile.
const SEARCHES: usize = 16;

/// See the module.
#[derive(Debug)]
pub struct ReservedSpace {
    plan: AddressPlan,
    /// Whether the system may choose addresses, because nearly all it can choose are allowed.
    unconstrained: bool,
    reservations: Mutex<Vec<Arc<Reservation>>>,
}

impl ReservedSpace {
    /// Space inside `plan`; nothing is reserved yet. `unconstrained` says that the plan is nearly
    /// all of user space.
    pub fn new(plan: AddressPlan, unconstrained: bool) -> Self {
        Self {
            plan,
            unconstrained,
            reservations: Mutex::new(Vec::new()),
        }
    }

    /// Where memory may lie.
    pub fn plan(&self) -> &AddressPlan {
        &self.plan
    }

    /// Gives stretches back that hold nothing any more, so that an exhausted aperture can be cut
    /// differently; the last one is kept for the next context.
    pub fn trim(&self) {
        let mut reservations = self.reservations();
        if reservations.len() > 1 {
            reservations.retain(|reservation| !is_unused(reservation));
        }
    }

    /// Maps memory of `backing` somewhere in the plan, as `request` wants it.
    ///
    /// # Errors
    /// `ENOMEM` when the aperture or memory is exhausted; what the system says otherwise.
    pub fn map(&self, request: SlabRequest, backing: Backing<'_>) -> Result<Mapping> {
        let mut reservations = self.reservations();
        for reservation in reservations.iter() {
            if let Some(mapping) = reservation.map(request.len, request.alignment, backing)? {
                return Ok(mapping);
            }
        }
        // A stretch without a slab was too short; together with its neighbourhood it may do.
        reservations.retain(|reservation| !is_unused(reservation));
        let no_room = Error::no_memory("find room in the aperture");
        // A slab of a large alignment may begin anywhere in a stretch that is aligned less.
        let least = request
            .len
            .checked_add(request.alignment - SLAB_GRANULE)
            .ok_or(no_room)?;
        let share = (self.plan.capacity() / SHARE) & !(SLAB_GRANULE - 1);
        let mut len = STRETCH.min(share).max(least);
        loop {
            match self.reserve(len) {
                Ok(reservation) => {
                    reservations.push(Arc::clone(&reservation));
                    let mapping = reservation.map(request.len, request.alignment, backing)?;
                    return mapping.ok_or(no_room);
                }
                Err(error) if error.is_out_of_memory() && len > least => {
                    // Halves stay multiples of the granule, as the least length is.
                    len = least.max((len / 2) & !(SLAB_GRANULE - 1));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reserves `len` bytes somewhere in the plan.
    fn reserve(&self, len: usize) -> Result<Arc<Reservation>> {
        if self.unconstrained {
            let reservation = Reservation::anywhere(len, SLAB_GRANULE)?;
            if self.plan.contains(&reservation.range()) {
                return Ok(reservation);
            }
        }
        for _ in 0..SEARCHES {
            let free = self.plan.without(&process_map::occupied());
            let found = free.first_fit(len, SLAB_GRANULE);
            let range = found.ok_or(Error::no_memory("find room in the aperture"))?;
            match Reservation::at(range) {
                Err(error) if error.is_occupied() => {}
                result => return result,
            }
        }
        Err(Error::no_memory("reserve room in the aperture"))
    }

    fn reservations(&self) -> MutexGuard<'_, Vec<Arc<Reservation>>> {
        self.reservations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_unused(reservation: &Reservation) -> bool {
    reservation.free_bytes() == reservation.range().len()
}
