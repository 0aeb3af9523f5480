// What clang and LLVM's linker have no C interface for: OpenCL C to a module, and linking only
// what is needed.
#include "checks.h"

#include <clang/Basic/DiagnosticOptions.h>
#include <clang/CodeGen/CodeGenAction.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Frontend/MultiplexConsumer.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <llvm-c/Core.h>
#include <llvm/IR/DiagnosticHandler.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Metadata.h>
#include <llvm/IR/Module.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/VirtualFileSystem.h>
#include <llvm/Support/raw_ostream.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct CollectErrors : llvm::DiagnosticHandler {
    explicit CollectErrors(std::string &text) : text(text) {}
    bool handleDiagnostics(const llvm::DiagnosticInfo &info) override
    {
        if (info.getSeverity() == llvm::DS_Error) {
            llvm::raw_string_ostream stream(text);
            llvm::DiagnosticPrinterRawOStream printer(stream);
            info.print(printer);
            stream << '\n';
        }
        return true;
    }
    std::string &text;
};

char *copy(const std::string &text) { return strdup(text.c_str()); }

// The disk, with a note of whether anybody looked for something outside the folders that are ours.
struct WatchedDisk : llvm::vfs::ProxyFileSystem {
    WatchedDisk(llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> disk, const char *const *ours,
                size_t num_ours)
        : ProxyFileSystem(std::move(disk)), ours(ours, num_ours)
    {
    }
    llvm::ErrorOr<llvm::vfs::Status> status(const llvm::Twine &path) override
    {
        note(path);
        return ProxyFileSystem::status(path);
    }
    llvm::ErrorOr<std::unique_ptr<llvm::vfs::File>> openFileForRead(const llvm::Twine &path) override
    {
        note(path);
        return ProxyFileSystem::openFileForRead(path);
    }
    void note(const llvm::Twine &path)
    {
        std::string name = path.str();
        for (const char *folder : ours)
            if (llvm::StringRef(name).starts_with(folder))
                return;
        // Where the program itself is looked for.
        if (name != "." && name != "./")
            looked = true;
    }
    llvm::ArrayRef<const char *> ours;
    bool looked = false;
};

// Compiles a program that the device can run, and notes what others have to define.
class Action : public clang::EmitLLVMOnlyAction {
public:
    Action(llvm::LLVMContext &context, const isocl_limits &limits)
        : EmitLLVMOnlyAction(&context), limits(limits)
    {
    }
    // The module, with the notes for whoever links it.
    std::unique_ptr<llvm::Module> result()
    {
        std::unique_ptr<llvm::Module> module = takeModule();
        if (!module)
            return module;
        keep(*module, "isocl.undefined", notes.undefined);
        keep(*module, "isocl.recursive", notes.recursive);
        return module;
    }

protected:
    std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance &instance,
                                                          llvm::StringRef file) override
    {
        std::vector<std::unique_ptr<clang::ASTConsumer>> consumers;
        consumers.push_back(isocl::checks(instance, limits, notes));
        consumers.push_back(EmitLLVMOnlyAction::CreateASTConsumer(instance, file));
        return std::make_unique<clang::MultiplexConsumer>(std::move(consumers));
    }

private:
    static void keep(llvm::Module &module, const char *kind, const isocl::Messages &messages)
    {
        llvm::LLVMContext &context = module.getContext();
        for (const auto &[name, message] : messages) {
            llvm::Metadata *texts[] = {llvm::MDString::get(context, name),
                                       llvm::MDString::get(context, message)};
            module.getOrInsertNamedMetadata(kind)->addOperand(llvm::MDTuple::get(context, texts));
        }
    }
    const isocl_limits &limits;
    isocl::Notes notes;
};

} // namespace

extern "C" {

struct isocl_file {
    const char *name;
    const char *text;
    size_t length;
};

// Compiles files[0] with cc1 arguments; the other files are headers, in folders of ours. Returns
// null on errors. *log is what clang had to say; the caller frees it. *looked tells whether files
// on disk, there or missing, have a part in the result.
LLVMModuleRef isocl_compile(LLVMContextRef context, const isocl_file *files, size_t num_files,
                            const char *const *arguments, size_t num_arguments,
                            const char *const *ours, size_t num_ours, const isocl_limits *limits,
                            char **log, bool *looked)
{
    using namespace clang;
    std::string text;
    LLVMModuleRef module = nullptr;
    *looked = true;
    {
        llvm::raw_string_ostream stream(text);
        auto options = llvm::makeIntrusiveRefCnt<DiagnosticOptions>();
        auto ids = llvm::makeIntrusiveRefCnt<DiagnosticIDs>();
        auto diagnostics = llvm::makeIntrusiveRefCnt<DiagnosticsEngine>(
            ids, options, new TextDiagnosticPrinter(stream, options.get()));
        auto invocation = std::make_shared<CompilerInvocation>();
        if (CompilerInvocation::CreateFromArgs(
                *invocation, llvm::ArrayRef<const char *>(arguments, num_arguments), *diagnostics)) {
            auto memory = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
            llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> files_on_disk(
                llvm::vfs::createPhysicalFileSystem());
            // The application's folder may have been deleted.
            if (!files_on_disk->getCurrentWorkingDirectory())
                files_on_disk->setCurrentWorkingDirectory("/");
            auto disk = llvm::makeIntrusiveRefCnt<WatchedDisk>(files_on_disk, ours, num_ours);
            auto overlay = llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(disk);
            overlay->pushOverlay(memory);
            // Only now does the memory know the folder that relative names start from.
            for (size_t i = 0; i < num_files; i++)
                memory->addFile(files[i].name, 0,
                                llvm::MemoryBuffer::getMemBufferCopy(
                                    llvm::StringRef(files[i].text, files[i].length), files[i].name));
            // Only now is it known which warnings are wanted.
            ProcessWarningOptions(*diagnostics, invocation->getDiagnosticOpts());
            CompilerInstance instance;
            instance.setInvocation(invocation);
            instance.setDiagnostics(diagnostics.get());
            instance.setFileManager(new FileManager(FileSystemOptions(), overlay));
            instance.setVerboseOutputStream(stream);
            Action action(*llvm::unwrap(context), *limits);
            if (instance.ExecuteAction(action))
                if (auto result = action.result())
                    module = llvm::wrap(result.release());
            *looked = disk->looked;
        }
    }
    *log = copy(text);
    return module;
}

// Links source, which is taken over, into destination. Null on success, else a message that the
// caller frees.
char *isocl_link(LLVMModuleRef destination, LLVMModuleRef source, bool only_needed)
{
    std::string text;
    llvm::LLVMContext &context = llvm::unwrap(destination)->getContext();
    auto previous = context.getDiagnosticHandler();
    context.setDiagnosticHandler(std::make_unique<CollectErrors>(text));
    bool failed = llvm::Linker::linkModules(
        *llvm::unwrap(destination), std::unique_ptr<llvm::Module>(llvm::unwrap(source)),
        only_needed ? llvm::Linker::LinkOnlyNeeded : llvm::Linker::None);
    context.setDiagnosticHandler(std::move(previous));
    if (!failed)
        return nullptr;
    return copy(text.empty() ? "the modules cannot be linked" : text);
}

void isocl_free(char *text) { free(text); }
}
