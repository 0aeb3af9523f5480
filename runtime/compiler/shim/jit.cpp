// Machine code in memory. One ORC session serves the whole process; every executable has a JIT
// library of its own, which finds its own symbols and the host functions it was given, and no
// other name of the process.
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/Support/Error.h>
#include <llvm/Support/MemoryBuffer.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>

namespace {

using namespace llvm::orc;

// What the session had to say about the current call.
thread_local std::string report;

struct Session {
    explicit Session(std::unique_ptr<ExecutorProcessControl> process)
        : session(std::move(process)), layer(session)
    {
        session.setErrorReporter([](llvm::Error error) {
            report += (report.empty() ? "" : "; ") + llvm::toString(std::move(error));
        });
    }
    ExecutionSession session;
    ObjectLinkingLayer layer;
    std::atomic<uint64_t> made{0};
};

// Never destroyed: code may run until the process is gone. Null when it cannot be made.
Session *the_session()
{
    static Session *session = []() -> Session * {
        auto process = SelfExecutorProcessControl::Create();
        if (!process) {
            llvm::consumeError(process.takeError());
            return nullptr;
        }
        return new Session(std::move(*process));
    }();
    return session;
}

char *result(llvm::Error error)
{
    if (!error) {
        report.clear();
        return nullptr;
    }
    std::string text = llvm::toString(std::move(error));
    if (!report.empty())
        text = report + "; " + text;
    report.clear();
    return strdup(text.c_str());
}

} // namespace

extern "C" {

struct isocl_symbol {
    const char *name;
    uint64_t address;
};

// A new library that knows the given symbols; null when there is no session or a name is given
// twice.
void *isocl_jit_open(const isocl_symbol *symbols, size_t num_symbols)
{
    Session *session = the_session();
    if (!session)
        return nullptr;
    auto name = "executable" + std::to_string(session->made.fetch_add(1));
    JITDylib &library = session->session.createBareJITDylib(name);
    SymbolMap map;
    for (size_t i = 0; i < num_symbols; i++)
        map[session->session.intern(symbols[i].name)] = {
            ExecutorAddr(symbols[i].address), llvm::JITSymbolFlags::Exported};
    if (auto error = library.define(absoluteSymbols(std::move(map)))) {
        llvm::consumeError(std::move(error));
        llvm::consumeError(session->session.removeJITDylib(library));
        return nullptr;
    }
    return &library;
}

// Adds a copy of an object file. Null on success, else a message that the caller frees.
char *isocl_jit_add(void *library, const char *object, size_t length)
{
    auto buffer = llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object, length));
    auto &target = *static_cast<JITDylib *>(library);
    return result(the_session()->layer.add(target, std::move(buffer)));
}

// Address of a symbol, linked with everything it needs. Null on success, else a message that the
// caller frees.
char *isocl_jit_address(void *library, const char *name, uint64_t *address)
{
    auto &session = the_session()->session;
    auto found = session.lookup({static_cast<JITDylib *>(library)}, session.intern(name));
    if (!found)
        return result(found.takeError());
    *address = found->getAddress().getValue();
    return result(llvm::Error::success());
}

// Frees a library with all its code and data.
void isocl_jit_close(void *library)
{
    auto &session = the_session()->session;
    llvm::consumeError(session.removeJITDylib(*static_cast<JITDylib *>(library)));
    session.getSymbolStringPool()->clearDeadEntries();
}
}
