// Goes through a program that clang has understood: what the device cannot do becomes an error at
// its place, which code generation could not tell any more.
#include "checks.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>
#include <clang/Basic/Diagnostic.h>
#include <clang/Frontend/TextDiagnostic.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/Support/raw_ostream.h>

namespace isocl {
namespace {

using namespace clang;

class Checks : public ASTConsumer {
public:
    Checks(CompilerInstance &instance, const isocl_limits &limits, Notes &notes)
        : instance(instance), limits(limits), notes(notes)
    {
    }

    void HandleTranslationUnit(ASTContext &unit) override
    {
        if (instance.getDiagnostics().hasErrorOccurred())
            return;
        context = &unit;
        for (Decl *declaration : unit.getTranslationUnitDecl()->decls()) {
            if (auto *variable = dyn_cast<VarDecl>(declaration))
                check_variable(variable);
            auto *function = dyn_cast<FunctionDecl>(declaration);
            if (!function || !function->doesThisDeclarationHaveABody())
                continue;
            inside = function->getCanonicalDecl();
            largest = nullptr;
            local_bytes = 0;
            look_at(function->getBody());
            if (function->hasAttr<OpenCLKernelAttr>())
                check_kernel(function);
        }
    }

private:
    template <unsigned length, typename... Values>
    void error(SourceLocation place, const char (&format)[length], Values... values)
    {
        DiagnosticsEngine &diagnostics = instance.getDiagnostics();
        unsigned id = diagnostics.getCustomDiagID(DiagnosticsEngine::Error, format);
        DiagnosticBuilder message = diagnostics.Report(place, id);
        (void)(message << ... << values);
    }

    uint64_t size_of(QualType type)
    {
        return type->isIncompleteType() ? 0 : context->getTypeSizeInChars(type).getQuantity();
    }

    void check_variable(VarDecl *variable)
    {
        uint64_t size = size_of(variable->getType());
        switch (variable->getType().getAddressSpace()) {
        case LangAS::opencl_local:
            if (variable->isReferenced()) {
                local_bytes += size;
                if (!largest || size > size_of(largest->getType()))
                    largest = variable;
            }
            break;
        case LangAS::opencl_global:
            if (size > limits.global_variable_bytes)
                too_large(variable, size, limits.global_variable_bytes,
                          "CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE");
            break;
        case LangAS::opencl_constant:
            if (size > limits.constant_bytes)
                too_large(variable, size, limits.constant_bytes,
                          "CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE");
            break;
        default:
            break;
        }
    }

    void too_large(VarDecl *variable, uint64_t size, uint64_t limit, const char *query)
    {
        error(variable->getLocation(), "variable %0 has %1 bytes, the device allows %2 (%3)",
              variable->getDeclName(), std::to_string(size), std::to_string(limit), query);
    }

    void check_kernel(FunctionDecl *kernel)
    {
        if (local_bytes > limits.local_bytes)
            error(largest->getLocation(),
                  "kernel %0 takes %1 bytes of local memory, the device has %2 "
                  "(CL_DEVICE_LOCAL_MEM_SIZE)",
                  kernel->getDeclName(), std::to_string(local_bytes),
                  std::to_string(limits.local_bytes));
        if (auto *size = kernel->getAttr<ReqdWorkGroupSizeAttr>()) {
            // Each is less than 2^32; the third cannot make the product of two fit again.
            uint64_t plane = uint64_t(size->getXDim()) * size->getYDim();
            uint64_t most = limits.work_group_items;
            if (plane > most || plane * size->getZDim() > most)
                error(size->getLocation(),
                      "kernel %0 requires more work-items in a work-group than the device allows, "
                      "%1 (CL_DEVICE_MAX_WORK_GROUP_SIZE)",
                      kernel->getDeclName(), std::to_string(most));
        }
        uint64_t bytes = 0;
        for (ParmVarDecl *parameter : kernel->parameters()) {
            QualType type = parameter->getType();
            bytes += size_of(type);
            if (!limits.has_images && (type->isImageType() || type->isSamplerT()))
                error(parameter->getLocation(),
                      "the device does not support images (CL_DEVICE_IMAGE_SUPPORT), parameter %0 "
                      "of kernel %1 has type %2",
                      parameter->getDeclName(), kernel->getDeclName(), type);
        }
        if (bytes > limits.parameter_bytes)
            error(kernel->getLocation(),
                  "the parameters of kernel %0 have %1 bytes, the device allows %2 "
                  "(CL_DEVICE_MAX_PARAMETER_SIZE)",
                  kernel->getDeclName(), std::to_string(bytes),
                  std::to_string(limits.parameter_bytes));
    }

    void look_at(Stmt *statement)
    {
        if (!statement)
            return;
        if (auto *declarations = dyn_cast<DeclStmt>(statement))
            for (Decl *declaration : declarations->decls())
                if (auto *variable = dyn_cast<VarDecl>(declaration))
                    check_variable(variable);
        if (auto *reference = dyn_cast<DeclRefExpr>(statement))
            note_use(reference);
        for (Stmt *child : statement->children())
            look_at(child);
    }

    void note_use(DeclRefExpr *reference)
    {
        ValueDecl *used = reference->getDecl();
        bool recursive = used->getCanonicalDecl() == inside;
        if (!recursive && !is_undefined(used))
            return;
        if (!noted.insert(used->getCanonicalDecl()).second)
            return;
        std::string name = used->getNameAsString();
        std::string message = recursive ? "function '" + name + "' calls itself, which is not supported"
                                        : "undefined reference to '" + name + "'";
        std::string text;
        llvm::raw_string_ostream stream(text);
        TextDiagnostic writer(stream, instance.getLangOpts(),
                              &instance.getDiagnosticOpts());
        writer.emitDiagnostic(FullSourceLoc(reference->getLocation(), context->getSourceManager()),
                              DiagnosticsEngine::Error, message, {}, {});
        (recursive ? notes.recursive : notes.undefined).emplace_back(std::move(name), stream.str());
    }

    // Whether another program would have to define it. Builtins are declared where they are used
    // and belong to no list.
    bool is_undefined(ValueDecl *used)
    {
        if (auto *function = dyn_cast<FunctionDecl>(used))
            return !function->isImplicit() && !function->getBuiltinID() && !function->isDefined();
        auto *variable = dyn_cast<VarDecl>(used);
        return variable && variable->hasExternalStorage() && !variable->hasDefinition();
    }

    CompilerInstance &instance;
    const isocl_limits &limits;
    Notes &notes;
    ASTContext *context = nullptr;
    // The function that is looked at, and its local memory.
    const Decl *inside = nullptr;
    VarDecl *largest = nullptr;
    uint64_t local_bytes = 0;
    llvm::SmallPtrSet<const Decl *, 8> noted;
};

} // namespace

std::unique_ptr<ASTConsumer> checks(CompilerInstance &instance, const isocl_limits &limits,
                                    Notes &notes)
{
    return std::make_unique<Checks>(instance, limits, notes);
}

} // namespace isocl
