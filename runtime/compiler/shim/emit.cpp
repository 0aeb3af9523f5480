// Object code of a module, by LLVM's usual passes, or by those whose time grows with the size of a
// function and not with its square.
#include <llvm-c/TargetMachine.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/CodeGen/MachineFunctionPass.h>
#include <llvm/CodeGen/MachineModuleInfo.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

namespace {

// Gives the machine another level of optimisation for the passes that follow.
class SetLevel : public llvm::MachineFunctionPass {
    llvm::TargetMachine &machine;
    const llvm::CodeGenOptLevel level;

public:
    static char ID;

    SetLevel(llvm::TargetMachine &machine, llvm::CodeGenOptLevel level)
        : MachineFunctionPass(ID), machine(machine), level(level) {}

    void getAnalysisUsage(llvm::AnalysisUsage &usage) const override
    {
        usage.setPreservesAll();
        MachineFunctionPass::getAnalysisUsage(usage);
    }

    bool runOnMachineFunction(llvm::MachineFunction &) override
    {
        machine.setOptLevel(level);
        return false;
    }
};

char SetLevel::ID;

// Leaves out what takes long in huge functions.
void hurry(llvm::TargetPassConfig &config, llvm::TargetMachine &machine)
{
    // Thousands of constants in registers around a loop are split and spilled again for minutes.
    config.disablePass(&llvm::EarlyMachineLICMID);
    config.disablePass(&llvm::MachineSchedulerID);
    // To commute operands is not worth what it takes: each copy from a register in which functions
    // return something would look through all such copies.
    using llvm::CodeGenOptLevel;
    config.insertPass(&llvm::PHIEliminationID, new SetLevel(machine, CodeGenOptLevel::None));
    config.insertPass(&llvm::TwoAddressInstructionPassID, new SetLevel(machine, machine.getOptLevel()));
}

}

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
    // Processors that run code out of order gain nothing by it.
    config->disablePass(&llvm::PostRASchedulerID);
    if (emission == Emission::huge)
        hurry(*config, machine);
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
