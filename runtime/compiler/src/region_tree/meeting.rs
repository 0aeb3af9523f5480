//! Blocks where ways meet, taken apart.

use crate::llvm::{Block, Context, Value};

/// Makes a block in front of `join` that its predecessors `inner` go through.
pub fn part(context: &Context, join: Block, inner: &[Block]) {
    let builder = context.builder();
    let between = context.insert_block(join, "meeting");
    builder.position_at_end(between);
    let pairs_of = |phi: Value| -> [Vec<(Value, Block)>; 2] {
        let pairs = phi.incoming().into_iter();
        let (inside, outside) = pairs.partition(|(_, from)| inner.contains(from));
        [inside, outside]
    };
    let merged: Vec<_> = join
        .phis()
        .into_iter()
        .map(|phi| {
            let [inside, outside] = pairs_of(phi);
            let value = builder.phi(phi.ty(), "");
            value.add_incoming(&inside);
            (phi, value, outside)
        })
        .collect();
    builder.branch(join);
    for (phi, value, mut pairs) in merged {
        pairs.push((value, between));
        builder.position_before(phi);
        let all = builder.phi(phi.ty(), "");
        all.add_incoming(&pairs);
        phi.replace_all_uses(all);
        phi.erase();
    }
    for block in inner {
        let Some(terminator) = block.terminator() else {
            continue;
        };
        for (index, next) in terminator.successors().into_iter().enumerate() {
            if next == join {
                terminator.set_successor(index as u32, between);
            }
        }
    }
}
