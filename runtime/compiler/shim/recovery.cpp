// Runs a call so that a crash or fatal error of LLVM inside it comes back as a message.
//
// LLVM's own CrashRecoveryContext is not used: its handlers swallow what a fault elsewhere in the
// process tells (a virtual machine of the application may live on such faults), and they cannot
// run when the stack is exhausted.
#include <llvm/Support/ErrorHandling.h>

#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace {

struct Call {
    sigjmp_buf start;
    char reason[400];
};

// The innermost protected call of this thread. The handler reads it on threads that never came
// here, so it must need no allocation.
__attribute__((tls_model("initial-exec"))) thread_local Call *current = nullptr;

const int faults[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
constexpr size_t num_faults = sizeof faults / sizeof *faults;

struct sigaction previous[num_faults];
std::mutex installing;
unsigned protected_calls = 0;

void on_fault(int number, siginfo_t *info, void *context)
{
    if (Call *call = current) {
        snprintf(call->reason, sizeof call->reason, "LLVM crashed with signal %d", number);
        siglongjmp(call->start, 1);
    }
    // A fault of another thread: as if this handler were not there.
    for (size_t i = 0; i < num_faults; i++) {
        if (faults[i] != number)
            continue;
        const struct sigaction &old = previous[i];
        if (old.sa_flags & SA_SIGINFO)
            return old.sa_sigaction(number, info, context);
        if (old.sa_handler == SIG_IGN && info->si_code <= 0)
            return;
        if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN)
            return old.sa_handler(number);
        signal(number, SIG_DFL);
        // A sent signal does not come again by itself, as a fault of an instruction does.
        if (info->si_code <= 0)
            raise(number);
    }
}

void install()
{
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < num_faults; i++)
        sigaction(faults[i], &action, &previous[i]);
}

void uninstall()
{
    for (size_t i = 0; i < num_faults; i++) {
        struct sigaction now;
        sigaction(faults[i], nullptr, &now);
        // The application may have installed its own meanwhile.
        if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
            sigaction(faults[i], &previous[i], nullptr);
    }
}

// Handlers are there only while some thread is inside a protected call.
struct Handlers {
    Handlers()
    {
        std::lock_guard<std::mutex> lock(installing);
        if (protected_calls++ == 0)
            install();
    }
    ~Handlers()
    {
        std::lock_guard<std::mutex> lock(installing);
        if (--protected_calls == 0)
            uninstall();
    }
};

// Where the handler runs when the stack is exhausted.
struct AlternateStack {
    AlternateStack()
    {
        if (sigaltstack(nullptr, &old) != 0 || !(old.ss_flags & SS_DISABLE))
            return;
        memory = malloc(size);
        stack_t own = {};
        own.ss_sp = memory;
        own.ss_size = size;
        if (memory)
            sigaltstack(&own, nullptr);
    }
    ~AlternateStack()
    {
        if (memory)
            sigaltstack(&old, nullptr);
        free(memory);
    }
    static constexpr size_t size = 64 << 10;
    stack_t old = {};
    void *memory = nullptr;
};

// LLVM would print the message and exit.
void on_fatal_error(void *, const char *text, bool)
{
    if (Call *call = current) {
        snprintf(call->reason, sizeof call->reason, "LLVM gave up: %s", text);
        siglongjmp(call->start, 1);
    }
    abort();
}

} // namespace

// Calls function(data). Null when it returned, else a message that the caller frees; then nothing
// that the function had on its stack was cleaned up.
extern "C" char *isocl_run_protected(void (*function)(void *), void *data)
{
    static std::once_flag once;
    std::call_once(once, [] { llvm::install_fatal_error_handler(on_fatal_error); });
    AlternateStack stack;
    Handlers handlers;
    Call call;
    Call *outer = current;
    if (sigsetjmp(call.start, 1) == 0) {
        current = &call;
        function(data);
        current = outer;
        return nullptr;
    }
    current = outer;
    return strdup(call.reason);
}
