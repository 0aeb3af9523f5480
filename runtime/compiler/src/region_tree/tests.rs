use super::*;
use crate::llvm::Context;

fn shape(steps: &[Node]) -> String {
    let parts: Vec<String> = steps
        .iter()
        .map(|step| match step {
            Node::Block(block) => block.name(),
            Node::If(branch) => format!(
                "if({} | {})",
                shape(&branch.then.steps),
                shape(&branch.otherwise.steps)
            ),
            Node::Loop(inner) => format!("loop({})", shape(&inner.body)),
            Node::Break { when, .. } => format!("break-{when}"),
        })
        .collect();
    parts.join(" ")
}

fn tree(body: &str) -> Result<String, String> {
    let context = Context::new();
    let module = context
        .parse_ir(&format!("define void @f(i1 %a, i1 %b, i1 %c) {{ {body} }}"))
        .unwrap();
    let steps = read(&context, module.function("f").unwrap())?;
    module.verify().unwrap();
    Ok(shape(&steps))
}

#[test]
fn ifs_nest_in_sequences() {
    let text = tree(
        "entry: br i1 %a, label %x, label %z
        x: br i1 %b, label %y, label %w
        y: br label %w
        w: br label %z
        z: ret void",
    );
    assert_eq!(text.unwrap(), "entry if(x if(y | ) w | ) z");
}

#[test]
fn ways_that_meet_where_others_do_get_a_place_of_their_own() {
    let text = tree(
        "entry: br i1 %a, label %x, label %out
        x: br i1 %b, label %y, label %out
        y: br i1 %c, label %z, label %out
        z: br label %out
        out: %n = phi i32 [ 0, %entry ], [ 1, %x ], [ 2, %y ], [ 3, %z ]
        ret void",
    );
    assert_eq!(
        text.unwrap(),
        "entry if(x if(y if(z | ) meeting | ) meeting1 | ) out"
    );
}

#[test]
fn rare_ways_are_those_with_little_weight() {
    let context = Context::new();
    let module = context
        .parse_ir(
            "define void @f(i1 %a) {
            br i1 %a, label %x, label %y, !prof !0
            x: br label %z
            y: br label %z
            z: ret void }
            !0 = !{!\"branch_weights\", !\"expected\", i32 2000, i32 1}",
        )
        .unwrap();
    let steps = read(&context, module.function("f").unwrap()).unwrap();
    let Some(Node::If(branch)) = steps.get(1) else {
        unreachable!("{steps:?}");
    };
    assert_eq!(
        [branch.then.is_rare, branch.otherwise.is_rare],
        [false, true]
    );
}

#[test]
fn loops_may_be_left_from_any_place() {
    let text = tree(
        "entry: br label %head
        head: br i1 %a, label %body, label %out
        body: br i1 %b, label %way, label %latch
        way: br i1 %c, label %out, label %latch
        latch: br label %head
        out: ret void",
    );
    assert_eq!(
        text.unwrap(),
        "entry loop(head break-false body if(way break-true | ) latch) out"
    );
}

#[test]
fn an_inner_loop_counts_as_one_step() {
    let text = tree(
        "entry: br label %outer
        outer: br i1 %a, label %before, label %skip
        before: br label %inner
        inner: br i1 %b, label %inner, label %after
        after: br label %skip
        skip: br i1 %c, label %outer, label %out
        out: ret void",
    );
    assert_eq!(
        text.unwrap(),
        "entry loop(outer if(before loop(inner break-false) after | ) skip break-false) out"
    );
}

#[test]
fn what_is_not_structured_is_refused() {
    for body in [
        // Short-circuit evaluation: two tests share one way.
        "entry: br i1 %a, label %x, label %no
        x: br i1 %b, label %yes, label %no
        yes: br label %out
        no: br label %out
        out: ret void",
        // Two exits to different places.
        "entry: br label %head
        head: br i1 %a, label %body, label %out
        body: br i1 %b, label %head, label %other
        other: br label %out
        out: ret void",
        "entry: br i1 %a, label %x, label %y
        x: br i1 %b, label %y, label %out
        y: br i1 %c, label %x, label %out
        out: ret void",
    ] {
        assert!(tree(body).is_err(), "{body}");
    }
}
