// What a program asks of the device that it does not have, told where the program asks for it; and
// what a program uses without defining it, for whoever links.
#pragma once

#include <clang/AST/ASTConsumer.h>
#include <clang/Frontend/CompilerInstance.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

extern "C" {

struct isocl_limits {
    uint64_t local_bytes;
    uint64_t work_group_items;
    uint64_t global_variable_bytes;
    uint64_t constant_bytes;
    uint64_t parameter_bytes;
    bool has_images;
};
}

namespace isocl {

// Names, each with the message about it, as clang would say it.
using Messages = std::vector<std::pair<std::string, std::string>>;

// What is an error only if it is still so when programs are linked, or if a kernel calls it.
struct Notes {
    // Functions and variables that are used and not defined.
    Messages undefined;
    // Functions that call themselves.
    Messages recursive;
};

// Goes through a program that clang has understood.
std::unique_ptr<clang::ASTConsumer> checks(clang::CompilerInstance &instance,
                                           const isocl_limits &limits, Notes &notes);

} // namespace isocl
