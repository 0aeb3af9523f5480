// Object code of a module, by LLVM's usual passes, or by those whose time grows with the size of a
// function and not with its square.
#include <llvm-c/TargetMachine.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/CodeGen/MachineModuleInfo.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

// As in `src/llvm/machine.rs`.
enum class Emission { usual, huge, plain };

// Returns null when LLVM cannot emit objects for this target.
extern "C" LLVMMemoryBufferRef isocl_emit(LLVMTargetMachineRef target, LLVMModuleRef module, Emission emission)
{
    auto &machine = *reinterpret_cast<llvm::LLVMTargetMachine *>(target);
    llvm::Module &code = *llvm::unwrap(module);
    code.setDataLayout(machine.createDataLayout());
    llvm::SmallVector<char, 0> bytes;
    llvm::raw_svector_ostream stream(bytes);
    const auto usual = machine.getOptLevel();
    if (emission == Emission::plain)
        machine.setOptLevel(llvm::CodeGenOptLevel::None);
    llvm::legacy::PassManager passes;
    auto *info = new llvm::MachineModuleInfoWrapperPass(&machine);
    llvm::TargetPassConfig *config = machine.createPassConfig(passes);
    config->setDisableVerify(true);
    // Thousands of constants in registers around a loop are split and spilled again for minutes.
    if (emission == Emission::huge)
        config->disablePass(&llvm::EarlyMachineLICMID);
    passes.add(config);
    passes.add(info);
    if (config->addISelPasses())
        return nullptr;
    config->addMachinePasses();
    config->setInitialized();
    if (machine.addAsmPrinter(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile,
                              info->getMMI().getContext()))
        return nullptr;
    passes.add(llvm::createFreeMachineFunctionPass());
    passes.run(code);
    machine.setOptLevel(usual);
    return llvm::wrap(llvm::MemoryBuffer::getMemBufferCopy(stream.str()).release());
}
