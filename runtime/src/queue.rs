//! Command queues (§5.1, §5.13 to §5.16).

use std::sync::Arc;

use crate::command::{Command, CommandType};
use crate::context::Context;
use crate::device::{Device, Task};
use crate::event::Event;
use crate::flags::QueueProperties;
use crate::schedule::Schedule;
use crate::wait_list::{EventArguments, WaitList};
use crate::{ApiSlot, Error, ErrorCode, Result};

/// A command queue (`cl_command_queue`) on the host.
pub struct CommandQueue {
    /// Handle of the C boundary.
    pub api_slot: ApiSlot,
    context: Arc<Context>,
    device: Arc<Device>,
    properties: QueueProperties,
    verbatim_properties: Vec<u64>,
    schedule: Schedule,
}

impl CommandQueue {
    /// A queue for `device` (`clCreateCommandQueueWithProperties`); `verbatim_properties` is the
    /// property list as the application gave it, empty when it gave none.
    ///
    /// # Errors
    /// `InvalidDevice` when the device is not in the context, `InvalidValue` for a default device
    /// queue that is no device queue and for a device queue in order, `InvalidQueueProperties` for what the device cannot do.
    pub fn create(
        context: &Arc<Context>,
        device: &Arc<Device>,
        properties: QueueProperties,
        verbatim_properties: Vec<u64>,
    ) -> Result<Arc<Self>> {
        if !context
            .devices()
            .iter()
            .any(|known| Arc::ptr_eq(known, device))
        {
            return Err(Error::new(
                ErrorCode::InvalidDevice,
                "device is not associated with context",
            ));
        }
        if properties.contains(QueueProperties::ON_DEVICE_DEFAULT)
            && !properties.contains(QueueProperties::ON_DEVICE)
        {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                "CL_QUEUE_ON_DEVICE_DEFAULT needs CL_QUEUE_ON_DEVICE",
            ));
        }
        if properties.contains(QueueProperties::ON_DEVICE)
            && !properties.contains(QueueProperties::OUT_OF_ORDER_EXEC_MODE)
        {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                "CL_QUEUE_ON_DEVICE needs CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE",
            ));
        }
        if properties.bits() & !device.info.queue_on_host_properties != 0 {
            return Err(Error::new(
                ErrorCode::InvalidQueueProperties,
                "the device does not support these queue properties",
            ));
        }
        let schedule = if properties.contains(QueueProperties::OUT_OF_ORDER_EXEC_MODE) {
            Schedule::out_of_order(device.info.max_compute_units)
        } else {
            Schedule::in_order()
        };
        Ok(Arc::new(Self {
            api_slot: ApiSlot::default(),
            context: Arc::clone(context),
            device: Arc::clone(device),
            properties,
            verbatim_properties,
            schedule,
        }))
    }

    /// The queue's context.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The queue's device.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// The properties as bits.
    pub fn properties(&self) -> QueueProperties {
        self.properties
    }

    /// The property list given at creation.
    pub fn verbatim_properties(&self) -> &[u64] {
        &self.verbatim_properties
    }

    pub(crate) fn is_profiling(&self) -> bool {
        self.properties.contains(QueueProperties::PROFILING)
    }

    pub(crate) fn is_in_order(&self) -> bool {
        matches!(self.schedule, Schedule::InOrder(_))
    }

    /// Hands all queued commands to the device (`clFlush`): they start without any further call.
    ///
    /// # Errors
    /// None today; `OutOfResources` by specification.
    pub fn flush(self: &Arc<Self>) -> Result<()> {
        self.schedule.flush(self);
        Ok(())
    }

    /// Waits until all commands enqueued so far are complete (`clFinish`), running them.
    ///
    /// # Errors
    /// None today: commands that failed are complete as well.
    pub fn finish(self: &Arc<Self>) -> Result<()> {
        self.schedule.finish(self);
        Ok(())
    }

    /// Enqueues a command that starts when all of `wait_list` is complete.
    ///
    /// # Errors
    /// None today; callers must expect `OutOfHostMemory`.
    pub(crate) fn submit<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        command_type: CommandType,
        command: Command,
        wait_list: WaitList<'_, A>,
    ) -> Result<A::Answer> {
        self.submit_and_wait(command_type, command, wait_list, false)
    }

    /// Enqueues a command and, when `blocking`, waits for it.
    ///
    /// # Errors
    /// `ExecStatusErrorForEventsInWaitList` when it was waited for and failed.
    pub(crate) fn submit_and_wait<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        command_type: CommandType,
        command: Command,
        wait_list: WaitList<'_, A>,
        blocking: bool,
    ) -> Result<A::Answer> {
        if let Some(answer) = wait_list.without_event() {
            if let Some(place) = self.schedule.place_without_event(self, &command, blocking) {
                place.enqueue(self, command, blocking)?;
                return Ok(answer);
            }
        }
        let event = self
            .schedule
            .enqueue(self, command_type, command, wait_list.events());
        if blocking {
            // CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST: the operation is blocking and the
            // execution status of an event in event_wait_list is negative.
            event.wait()?;
        }
        Ok(A::with_event(event))
    }

    /// Tells of the failure of a command: the log, and the application's callback.
    pub(crate) fn report_failure(&self, error: &Error) {
        crate::log::error("command", error);
        if error.code != ErrorCode::ExecStatusErrorForEventsInWaitList {
            self.context.report(error);
        }
    }

    /// `clEnqueueMarkerWithWaitList`: complete when `events` are, or, without any, when all
    /// commands enqueued before are.
    ///
    /// # Errors
    /// `InvalidContext` when an event belongs to another context.
    pub fn enqueue_marker_with_wait_list<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = WaitList::new(&self.context, events)?;
        self.submit(CommandType::Marker, Command::nothing(), wait_list)
    }

    /// `clEnqueueBarrierWithWaitList`: a marker that all later commands wait for.
    ///
    /// # Errors
    /// `InvalidContext` when an event belongs to another context.
    pub fn enqueue_barrier_with_wait_list<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = WaitList::new(&self.context, events)?;
        self.submit(CommandType::Barrier, Command::nothing(), wait_list)
    }

    /// Starts commands that were not flushed, because somebody polls for them.
    pub(crate) fn start_queued_commands(self: &Arc<Self>) {
        self.schedule.flush(self);
    }

    /// Runs on this thread what `event`, of this queue, needs, as far as nobody else does.
    pub(crate) fn help_with(self: &Arc<Self>, event: &Arc<Event>) {
        self.schedule.help_with(self, event);
    }

    /// All dependencies of `event`, of this queue, are settled.
    pub(crate) fn command_ready(self: &Arc<Self>, event: &Arc<Event>) {
        self.schedule.command_ready(self, event);
    }

    /// `event`, of this queue, has just been settled.
    pub(crate) fn command_settled(self: &Arc<Self>, event: &Arc<Event>) {
        self.schedule.command_settled(self, event);
    }

    /// `event`, which the queue's order waited for, has just been settled.
    pub(crate) fn resume_after(self: &Arc<Self>, event: &Arc<Event>) {
        self.schedule.resume_after(self, event);
    }

    /// The queue as something that runs on the device's threads.
    pub(crate) fn spawn_on_device(self: &Arc<Self>) {
        self.device.backend.spawn(Arc::clone(self) as Arc<dyn Task>);
    }

    /// The calling thread does what the queue was given to the device's threads for.
    pub(crate) fn withdraw_from_device(self: &Arc<Self>) {
        let task = Arc::clone(self) as Arc<dyn Task>;
        self.device.backend.withdraw(&task);
    }
}

impl Task for CommandQueue {
    fn run(self: Arc<Self>) {
        self.schedule.run(&self);
    }
}

impl std::fmt::Debug for CommandQueue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CommandQueue")
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}
