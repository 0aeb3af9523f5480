//! The making of a whole case: a kernel, its helper functions, its arguments and its sizes.

use super::context::{Context, Flow, Place};
use super::groups::{COUNTERS, HISTOGRAM};
use super::helpers::{helper, Helper};
use super::random::Random;
use super::records::Record;
use super::rows::ELEMENTS;
use super::tree::{Argument, Case, Count, Declaration, Expression, Function, Statement};
use super::types::{Type, FLOAT, UINT, ULONG};

/// Elements of an input.
const INPUT: usize = 64;

/// Places of a work-item in an output, each one its own. 101 divides no number of work-items.
const SLOTS: [&str; 4] = [
    "id",
    "ITEMS - 1 - id",
    "(id * 101 + 7) % ITEMS",
    "get_global_id(0) * get_global_size(1) + get_global_id(1)",
];

impl Case {
    /// The case of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let depth = random.pick(&[1, 2, 2, 3]);
        Self::of_depth(seed, depth, &mut random)
    }

    /// A case of a seed that is compiled in little time.
    pub fn small(seed: u64) -> Self {
        Self::of_depth(seed, 1, &mut Random::new(seed))
    }

    /// A case whose statements are nested `depth` deep.
    fn of_depth(seed: u64, depth: usize, random: &mut Random) -> Self {
        let groups = random.chance(60);
        let collectives = groups && random.chance(40);
        let record = Record::random(random);
        let mut types = vec![record.declaration()];
        let tables = tables(random, &mut types);
        let mut helpers: Vec<Helper> = Vec::new();
        for number in 1..=random.below(3) {
            let next = helper(random, &format!("helper{number}"), &helpers);
            helpers.push(next);
        }
        let mut context = Context::new(Random::new(random.bits()));
        context.groups = groups;
        context.collectives = collectives;
        context.places.extend(tables);
        for helper in &helpers {
            context.places.extend(helper.value.clone());
            context.procedures.extend(helper.procedure.clone());
        }
        let arguments = arguments(&mut context, random);
        let kernel = kernel(&mut context, record, depth);
        let (local, count) = sizes(random);
        Self {
            seed,
            needs_3_0: collectives || random.chance(20),
            depends_on_groups: groups,
            types,
            helpers: helpers.into_iter().map(|helper| helper.function).collect(),
            arguments,
            kernel,
            local,
            groups: count,
        }
    }
}

/// Tables in constant memory.
fn tables(random: &mut Random, types: &mut Vec<Declaration>) -> Vec<Place> {
    let kind = Type::random_integer(random);
    let operands: Vec<_> = (0..8)
        .map(|_| Expression::Constant(kind, random.integer()))
        .collect();
    let text = format!(
        "constant {} table[8] = {{$0, $1, $2, $3, $4, $5, $6, $7}};",
        kind.name()
    );
    types.push(Declaration {
        name: "table".to_owned(),
        text,
        operands,
    });
    vec![Place::element("table[$0 & 7]", kind, true)]
}

fn arguments(context: &mut Context, random: &mut Random) -> Vec<Argument> {
    let mut arguments = Vec::new();
    let mut argument = |name: String, kind, count, written| {
        arguments.push(Argument {
            name,
            kind,
            count,
            written,
        });
    };
    for number in 1..=2 + random.below(2) {
        let name = format!("in{number}");
        let kind = if random.chance(15) {
            FLOAT
        } else {
            Type::random_element(random)
        };
        context.places.push(Place::element(
            format!("{name}[$0 & {}]", INPUT - 1),
            kind,
            true,
        ));
        context.places.push(Place::value(
            format!("{name}[id & {}]", INPUT - 1),
            kind,
            false,
        ));
        if !kind.is_vector() && !kind.is_float() {
            for lanes in [2, 3, 4, 8] {
                context.places.push(Place::element(
                    format!("vload{lanes}(($0 & 7), {name})"),
                    kind.with_lanes(lanes),
                    true,
                ));
            }
        }
        argument(name, kind, Count::Fixed(INPUT), false);
    }
    for number in 1..=2 {
        let name = format!("n{number}");
        let kind = Type::random_integer(random);
        context.places.push(Place::value(&name, kind, true));
        argument(name, kind, Count::Value, false);
    }
    for number in 1..=1 + random.below(2) {
        let name = format!("out{number}");
        let kind = Type::random_element(random);
        let slot = random.pick(&SLOTS);
        context.places.push(Place {
            writable: true,
            ..Place::value(format!("{name}[{slot}]"), kind, false)
        });
        argument(name, kind, Count::WorkItems, true);
    }
    let kind = Type::random_integer(random);
    context.places.push(Place {
        writable: true,
        ..Place::element(format!("row[id * {ELEMENTS} + ($0 & 7)]"), kind, false)
    });
    context.row(&format!("(row + id * {ELEMENTS})"), kind, false);
    argument("row".to_owned(), kind, Count::PerItem(ELEMENTS), true);
    argument("digest".to_owned(), ULONG, Count::WorkItems, true);
    argument("counters".to_owned(), UINT, Count::Fixed(COUNTERS), true);
    argument("histogram".to_owned(), UINT, Count::Fixed(HISTOGRAM), true);
    let tallies = Count::PerGroup(COUNTERS);
    argument("tally_results".to_owned(), UINT, tallies, true);
    arguments
}

/// The names that `print` declares, of the numbers of a work-item.
fn numbers(groups: bool) -> Vec<Place> {
    let mut places = vec![
        Place::value("id", UINT, false),
        Place::value("id", UINT, false),
        Place::value("(uint)get_global_id(0)", UINT, false),
        Place::value("(uint)get_global_id(1)", UINT, false),
        Place::value("(uint)get_global_size(0)", UINT, true),
    ];
    if groups {
        places.extend([
            Place::value("lid", UINT, false),
            Place::value("(uint)get_local_id(0)", UINT, false),
            Place::value("group", UINT, true),
            Place::value("(uint)get_num_groups(0)", UINT, true),
        ]);
    }
    places
}

fn kernel(context: &mut Context, record: Record, depth: usize) -> Function {
    context.places.extend(numbers(context.groups));
    let tallies = (context.groups && context.random.chance(50)).then(|| context.tallies());
    let outside = context.places.len();
    let count = 2 + context.random.below(2 + depth);
    context.variables(count);
    for array in [false, true] {
        for _ in 0..context.random.below(2) {
            let whole = context.record(record, array);
            context.records.push(whole);
        }
    }
    let flow = Flow {
        depth,
        divergent: false,
        may_break: false,
        may_continue: false,
    };
    let mut body: Vec<Statement> = (0..1 + depth + context.random.below(3))
        .map(|_| context.statement(flow))
        .collect();
    body.extend(tallies);
    context.places.drain(..outside);
    body.extend(context.digests());
    Function {
        name: "random_kernel".to_owned(),
        head: String::new(),
        variables: std::mem::take(&mut context.variables),
        body,
    }
}

fn sizes(random: &mut Random) -> (Vec<usize>, Vec<usize>) {
    let first = random.pick(&[1, 3, 7, 16, 16, 17, 33, 64]);
    let mut local = vec![first];
    let mut groups = vec![1 + random.below(4)];
    if random.chance(35) {
        local.push(random.pick(&[1, 2, 3, 4, 8]));
        groups.push(1 + random.below(3));
    }
    (local, groups)
}
