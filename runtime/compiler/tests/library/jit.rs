//! Compiles builtins of the library for the host and calls them through memory.
//!
//! Each builtin gets a wrapper that loads the arguments, calls and stores the result, so that
//! scalars and vectors of any width are called alike.

#![allow(unsafe_code)]

use std::collections::{BTreeMap, HashMap};
use std::ffi::{c_char, CStr, CString};
use std::ptr;

use isocl_compiler::llvm::initialize_native_target;
use isocl_compiler::{host_math, library_blob};
use llvm_sys::core::*;
use llvm_sys::error::{LLVMErrorRef, LLVMGetErrorMessage};
use llvm_sys::orc2::lljit::*;
use llvm_sys::orc2::*;
use llvm_sys::prelude::*;
use llvm_sys::target::*;
use llvm_sys::target_machine::*;
use llvm_sys::transforms::pass_builder::*;
use llvm_sys::{LLVMLinkage, LLVMTypeKind};

/// Room every pointer argument must have: the largest vector, 16 doubles.
pub const POINTER_ROOM: usize = 128;

type Wrapper = unsafe extern "C" fn(*const *mut u8, *mut u8);

/// Memory aligned for every type.
#[repr(align(128))]
struct Room([u8; 1024]);

/// A compiled builtin.
pub struct Builtin {
    wrapper: Wrapper,
    /// Bytes of each argument; `None` for a pointer.
    arguments: Vec<Option<usize>>,
    result: usize,
}

impl Builtin {
    /// Calls with every argument in a buffer: exactly its bytes, or what a pointer points to, at
    /// least [`POINTER_ROOM`] and at most 1024 bytes, which are aligned for the call.
    pub fn call(&self, arguments: &mut [&mut [u8]], result: &mut [u8]) {
        assert_eq!(arguments.len(), self.arguments.len());
        let mut pointers = [ptr::null_mut(); 4];
        let mut room = Room([0; 1024]);
        let mut pointer_argument = None;
        for (index, size) in self.arguments.iter().enumerate() {
            let argument = &mut arguments[index];
            if let Some(size) = size {
                assert_eq!(argument.len(), *size);
                pointers[index] = argument.as_mut_ptr();
            } else {
                assert!(argument.len() >= POINTER_ROOM && pointer_argument.is_none());
                room.0[..argument.len()].copy_from_slice(argument);
                pointers[index] = room.0.as_mut_ptr();
                pointer_argument = Some(index);
            }
        }
        assert_eq!(result.len(), self.result);
        // SAFETY: the wrapper reads and writes as many bytes as were checked above, and tests
        // pass offsets that stay inside the room behind the pointer.
        unsafe { (self.wrapper)(pointers.as_ptr(), result.as_mut_ptr()) }
        if let Some(index) = pointer_argument {
            let length = arguments[index].len();
            arguments[index].copy_from_slice(&room.0[..length]);
        }
    }

    /// Bytes of the result.
    pub fn result_size(&self) -> usize {
        self.result
    }

    /// Calls a builtin of scalars.
    pub fn scalar<R: Scalar>(&self, arguments: &[u64], sizes: &[usize]) -> R {
        let mut bytes = [[0u8; 8]; 4];
        for (bytes, argument) in bytes.iter_mut().zip(arguments) {
            *bytes = argument.to_le_bytes();
        }
        let mut slices: Vec<&mut [u8]> = bytes
            .iter_mut()
            .zip(sizes)
            .map(|(bytes, size)| &mut bytes[..*size])
            .collect();
        let mut result = [0u8; 8];
        self.call(&mut slices, &mut result[..R::SIZE]);
        R::from_bits(u64::from_le_bytes(result))
    }

    /// `f(a)`
    pub fn of1<A: Scalar, R: Scalar>(&self, a: A) -> R {
        self.scalar(&[a.bits()], &[A::SIZE])
    }

    /// `f(a, b)`
    pub fn of2<A: Scalar, B: Scalar, R: Scalar>(&self, a: A, b: B) -> R {
        self.scalar(&[a.bits(), b.bits()], &[A::SIZE, B::SIZE])
    }

    /// `f(a, b, c)`
    pub fn of3<A: Scalar, B: Scalar, C: Scalar, R: Scalar>(&self, a: A, b: B, c: C) -> R {
        self.scalar(
            &[a.bits(), b.bits(), c.bits()],
            &[A::SIZE, B::SIZE, C::SIZE],
        )
    }
}

/// A number type of OpenCL C.
pub trait Scalar: Copy + PartialEq + std::fmt::Debug {
    const SIZE: usize;
    /// Letter in mangled names.
    const CODE: &'static str;
    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
}

macro_rules! scalar_integer {
    ($($type:ty, $code:literal);*) => {$(
        impl Scalar for $type {
            const SIZE: usize = size_of::<$type>();
            const CODE: &'static str = $code;
            fn bits(self) -> u64 {
                self as u64
            }
            fn from_bits(bits: u64) -> Self {
                bits as $type
            }
        }
    )*};
}
scalar_integer!(i8, "c"; u8, "h"; i16, "s"; u16, "t"; i32, "i"; u32, "j"; i64, "l"; u64, "m");

impl Scalar for f32 {
    const SIZE: usize = 4;
    const CODE: &'static str = "f";
    fn bits(self) -> u64 {
        u64::from(self.to_bits())
    }
    fn from_bits(bits: u64) -> Self {
        f32::from_bits(bits as u32)
    }
}

impl Scalar for f64 {
    const SIZE: usize = 8;
    const CODE: &'static str = "d";
    fn bits(self) -> u64 {
        self.to_bits()
    }
    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }
}

/// Bits of a half-precision number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Half(pub u16);

impl Scalar for Half {
    const SIZE: usize = 2;
    const CODE: &'static str = "Dh";
    fn bits(self) -> u64 {
        u64::from(self.0)
    }
    fn from_bits(bits: u64) -> Self {
        Self(bits as u16)
    }
}

/// `_Z3powff` for `("pow", "ff")`.
pub fn mangled(name: &str, parameters: &str) -> String {
    format!("_Z{}{name}{parameters}", name.len())
}

fn check(error: LLVMErrorRef) {
    if !error.is_null() {
        // SAFETY: a non-null error is live and is consumed here.
        let message = unsafe { CStr::from_ptr(LLVMGetErrorMessage(error)) };
        panic!("{}", message.to_string_lossy());
    }
}

/// Compiled builtins by mangled name. The code lives until the end of the process.
pub struct Builtins {
    functions: HashMap<String, Builtin>,
}

impl Builtins {
    /// Compiles the builtins with these mangled names.
    pub fn new<S: AsRef<str>>(symbols: impl IntoIterator<Item = S>) -> Self {
        Self::for_processor(None, symbols)
    }

    /// The same for a processor of the host's kind, or with `None` for the host's own.
    pub fn for_processor<S: AsRef<str>>(
        processor: Option<&CStr>,
        symbols: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut by_blob: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for symbol in symbols {
            let symbol = symbol.as_ref();
            let blob = library_blob::blob_of(symbol)
                .unwrap_or_else(|| panic!("{symbol} is not in the library"));
            by_blob.entry(blob).or_default().push(symbol.to_owned());
        }
        let mut functions = HashMap::new();
        // SAFETY: LLVM's C API is used as documented on objects made here; ownership of modules
        // passes to the JIT, which is never disposed of.
        unsafe {
            initialize_native_target();
            let jit = create_jit(processor);
            for (blob, symbols) in &by_blob {
                let context = LLVMOrcCreateNewThreadSafeContext();
                let module = load_linked(LLVMOrcThreadSafeContextGetContext(context), *blob, jit);
                let mut layouts = Vec::new();
                for symbol in symbols {
                    layouts.push(wrap(module, symbol));
                }
                finish(module);
                let module = LLVMOrcCreateNewThreadSafeModule(module, context);
                LLVMOrcDisposeThreadSafeContext(context);
                check(LLVMOrcLLJITAddLLVMIRModule(
                    jit,
                    LLVMOrcLLJITGetMainJITDylib(jit),
                    module,
                ));
                for (symbol, (arguments, result)) in symbols.iter().zip(layouts) {
                    let name = CString::new(format!("call{symbol}")).unwrap();
                    let mut address = 0;
                    check(LLVMOrcLLJITLookup(jit, &mut address, name.as_ptr()));
                    let builtin = Builtin {
                        wrapper: std::mem::transmute::<usize, Wrapper>(address as usize),
                        arguments,
                        result,
                    };
                    functions.insert(symbol.clone(), builtin);
                }
            }
        }
        Self { functions }
    }

    /// The builtin of this name, which was asked for in [`Builtins::new`].
    pub fn get(&self, symbol: &str) -> &Builtin {
        &self.functions[symbol]
    }
}

/// Compiles one builtin.
pub fn builtin(name: &str, parameters: &str) -> Builtin {
    let symbol = mangled(name, parameters);
    Builtins::new([&symbol]).functions.remove(&symbol).unwrap()
}

unsafe fn create_jit(processor: Option<&CStr>) -> LLVMOrcLLJITRef {
    // SAFETY: see `Builtins::new`; the builders are consumed.
    unsafe {
        let builder = LLVMOrcCreateLLJITBuilder();
        if let Some(processor) = processor {
            let triple = LLVMGetDefaultTargetTriple();
            let (mut target, mut message) = (ptr::null_mut(), ptr::null_mut());
            assert_eq!(
                LLVMGetTargetFromTriple(triple, &mut target, &mut message),
                0
            );
            let machine = LLVMCreateTargetMachine(
                target,
                triple,
                processor.as_ptr(),
                c"".as_ptr(),
                LLVMCodeGenOptLevel::LLVMCodeGenLevelDefault,
                LLVMRelocMode::LLVMRelocPIC,
                LLVMCodeModel::LLVMCodeModelJITDefault,
            );
            LLVMDisposeMessage(triple);
            let machine = LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine);
            LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(builder, machine);
        }
        let mut jit = ptr::null_mut();
        check(LLVMOrcCreateLLJIT(&mut jit, builder));
        let mut symbols: Vec<LLVMOrcCSymbolMapPair> = host_math::host_functions()
            .iter()
            .map(|function| {
                let name = CString::new(function.name).unwrap();
                LLVMOrcCSymbolMapPair {
                    Name: LLVMOrcLLJITMangleAndIntern(jit, name.as_ptr()),
                    Sym: LLVMJITEvaluatedSymbol {
                        Address: function.address as u64,
                        Flags: LLVMJITSymbolFlags {
                            GenericFlags:
                                LLVMJITSymbolGenericFlags::LLVMJITSymbolGenericFlagsExported as u8,
                            TargetFlags: 0,
                        },
                    },
                }
            })
            .collect();
        check(LLVMOrcJITDylibDefine(
            LLVMOrcLLJITGetMainJITDylib(jit),
            LLVMOrcAbsoluteSymbols(symbols.as_mut_ptr(), symbols.len()),
        ));
        jit
    }
}

/// Parses a blob and makes it a module of the host.
unsafe fn load(context: LLVMContextRef, blob: usize, jit: LLVMOrcLLJITRef) -> LLVMModuleRef {
    let bitcode = library_blob::BLOBS[blob];
    // SAFETY: see `Builtins::new`; the blob is a static.
    unsafe {
        let buffer = LLVMCreateMemoryBufferWithMemoryRange(
            bitcode.as_ptr().cast(),
            bitcode.len(),
            c"blob".as_ptr(),
            0,
        );
        let mut module = ptr::null_mut();
        let failed = llvm_sys::bit_reader::LLVMParseBitcodeInContext2(context, buffer, &mut module);
        assert_eq!(failed, 0);
        LLVMDisposeMemoryBuffer(buffer);
        LLVMSetTarget(module, LLVMOrcLLJITGetTripleString(jit));
        LLVMSetDataLayout(module, LLVMOrcLLJITGetDataLayoutStr(jit));
        module
    }
}

/// The module of a blob with the blobs that it needs, for calls from inside alone.
unsafe fn load_linked(context: LLVMContextRef, blob: usize, jit: LLVMOrcLLJITRef) -> LLVMModuleRef {
    // SAFETY: see `Builtins::new`; linking consumes the second module.
    unsafe {
        let module = load(context, blob, jit);
        let mut linked = vec![blob];
        loop {
            let mut needed = Vec::new();
            let mut function = LLVMGetFirstFunction(module);
            while !function.is_null() {
                if LLVMIsDeclaration(function) != 0 && !LLVMGetFirstUse(function).is_null() {
                    needed.extend(library_blob::blob_of(&name_of(function)));
                }
                function = LLVMGetNextFunction(function);
            }
            needed.retain(|blob| !linked.contains(blob));
            let Some(blob) = needed.first() else {
                break;
            };
            linked.push(*blob);
            let part = load(context, *blob, jit);
            assert_eq!(llvm_sys::linker::LLVMLinkModules2(module, part), 0);
        }
        let mut function = LLVMGetFirstFunction(module);
        while !function.is_null() {
            LLVMSetFunctionCallConv(function, 0);
            if LLVMIsDeclaration(function) == 0 {
                LLVMSetLinkage(function, LLVMLinkage::LLVMInternalLinkage);
            }
            let mut user = LLVMGetFirstUse(function);
            while !user.is_null() {
                let instruction = LLVMGetUser(user);
                if !LLVMIsACallInst(instruction).is_null() {
                    LLVMSetInstructionCallConv(instruction, 0);
                }
                user = LLVMGetNextUse(user);
            }
            function = LLVMGetNextFunction(function);
        }
        module
    }
}

/// Adds `call<symbol>(arguments, result)` and tells the sizes of both.
unsafe fn wrap(module: LLVMModuleRef, symbol: &str) -> (Vec<Option<usize>>, usize) {
    // SAFETY: see `Builtins::new`.
    unsafe {
        let context = LLVMGetModuleContext(module);
        let layout = LLVMGetModuleDataLayout(module);
        let name = CString::new(symbol).unwrap();
        let callee = LLVMGetNamedFunction(module, name.as_ptr());
        assert!(!callee.is_null(), "{symbol} is not in the library");
        let callee_type = LLVMGlobalGetValueType(callee);
        let pointer = LLVMPointerTypeInContext(context, 0);
        let mut parameters = [pointer, pointer];
        let wrapper_type = LLVMFunctionType(
            LLVMVoidTypeInContext(context),
            parameters.as_mut_ptr(),
            2,
            0,
        );
        let name = CString::new(format!("call{symbol}")).unwrap();
        let wrapper = LLVMAddFunction(module, name.as_ptr(), wrapper_type);
        let block = LLVMAppendBasicBlockInContext(context, wrapper, c"".as_ptr());
        let builder = LLVMCreateBuilderInContext(context);
        LLVMPositionBuilderAtEnd(builder, block);
        let count = LLVMCountParamTypes(callee_type) as usize;
        let mut types = vec![ptr::null_mut(); count];
        LLVMGetParamTypes(callee_type, types.as_mut_ptr());
        let mut values = Vec::new();
        let mut sizes = Vec::new();
        for (index, kind) in types.into_iter().enumerate() {
            let mut index = LLVMConstInt(LLVMInt64TypeInContext(context), index as u64, 0);
            let none: *const c_char = c"".as_ptr();
            let slot = LLVMBuildGEP2(
                builder,
                pointer,
                LLVMGetParam(wrapper, 0),
                &mut index,
                1,
                none,
            );
            let address = LLVMBuildLoad2(builder, pointer, slot, none);
            if LLVMGetTypeKind(kind) == LLVMTypeKind::LLVMPointerTypeKind {
                values.push(LLVMBuildAddrSpaceCast(builder, address, kind, none));
                sizes.push(None);
            } else {
                let value = LLVMBuildLoad2(builder, kind, address, none);
                LLVMSetAlignment(value, 1);
                values.push(value);
                sizes.push(Some(size_of_type(layout, kind)));
            }
        }
        let call = LLVMBuildCall2(
            builder,
            callee_type,
            callee,
            values.as_mut_ptr(),
            count as u32,
            c"".as_ptr(),
        );
        let result_type = LLVMGetReturnType(callee_type);
        let mut result = 0;
        if LLVMGetTypeKind(result_type) != LLVMTypeKind::LLVMVoidTypeKind {
            result = size_of_type(layout, result_type);
            let store = LLVMBuildStore(builder, call, LLVMGetParam(wrapper, 1));
            LLVMSetAlignment(store, 1);
        }
        LLVMBuildRetVoid(builder);
        LLVMDisposeBuilder(builder);
        (sizes, result)
    }
}

/// Bytes of the components; a vector of three has no fourth.
unsafe fn size_of_type(layout: LLVMTargetDataRef, kind: LLVMTypeRef) -> usize {
    // SAFETY: see `Builtins::new`.
    unsafe { (LLVMSizeOfTypeInBits(layout, kind) / 8) as usize }
}

/// Inlines the builtins into the wrappers and drops what is left.
unsafe fn finish(module: LLVMModuleRef) {
    // SAFETY: see `Builtins::new`.
    unsafe {
        let options = LLVMCreatePassBuilderOptions();
        check(LLVMRunPasses(
            module,
            c"always-inline,globaldce".as_ptr(),
            ptr::null_mut(),
            options,
        ));
        LLVMDisposePassBuilderOptions(options);
    }
}

unsafe fn name_of(value: LLVMValueRef) -> String {
    // SAFETY: see `Builtins::new`; the name is copied.
    unsafe {
        let mut length = 0;
        let name = LLVMGetValueName2(value, &mut length);
        let name = std::slice::from_raw_parts(name.cast::<u8>(), length);
        String::from_utf8(name.to_vec()).unwrap()
    }
}

/// Names of all functions the blobs define.
pub fn defined_symbols() -> Vec<String> {
    let mut symbols = Vec::new();
    for bitcode in library_blob::BLOBS {
        // SAFETY: see `Builtins::new`; lazily parsed modules borrow the static blob.
        unsafe {
            let context = LLVMContextCreate();
            let buffer = LLVMCreateMemoryBufferWithMemoryRange(
                bitcode.as_ptr().cast(),
                bitcode.len(),
                c"blob".as_ptr(),
                0,
            );
            let mut module = ptr::null_mut();
            let failed =
                llvm_sys::bit_reader::LLVMGetBitcodeModuleInContext2(context, buffer, &mut module);
            assert_eq!(failed, 0);
            let mut function = LLVMGetFirstFunction(module);
            while !function.is_null() {
                if LLVMIsDeclaration(function) == 0 {
                    symbols.push(name_of(function));
                }
                function = LLVMGetNextFunction(function);
            }
            LLVMDisposeModule(module);
            LLVMContextDispose(context);
        }
    }
    symbols
}
