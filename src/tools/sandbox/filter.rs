//! The filter of system calls as the kernel takes it: an allow-list, and four calls that are looked at more closely.

use std::{collections::BTreeMap, env::consts::ARCH};

use libc::{
    AF_INET, AF_INET6, AF_UNIX, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER,
    CLONE_NEWUTS, ENOSYS, SYS_clone, SYS_ioctl, SYS_personality, SYS_socket, SYS_socketpair, TIOCLINUX, TIOCSTI,
};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::calls::{ALLOWED, ALLOWED_HERE};

type Rules = Vec<SeccompRule>;

/// The program in the bytes that bubblewrap reads.
pub(super) fn program() -> Result<Vec<u8>, BackendError> {
    let arch = TargetArch::try_from(ARCH)?;
    let missing = SeccompAction::Errno(ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules()?, missing, SeccompAction::Allow, arch)?;
    let program = BpfProgram::try_from(filter)?;
    let bytes = program.iter().flat_map(|line| {
        let [first, second] = line.code.to_ne_bytes();
        [first, second, line.jt, line.jf].into_iter().chain(line.k.to_ne_bytes())
    });
    Ok(bytes.collect())
}

fn rules() -> Result<BTreeMap<i64, Rules>, BackendError> {
    let mut rules: BTreeMap<i64, Rules> = ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new())).collect();
    let name_spaces =
        CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS;
    let name_spaces = u64::from(name_spaces.unsigned_abs());
    rules.insert(SYS_clone, vec![rule([(0, SeccompCmpOp::MaskedEq(name_spaces), 0)])?]);
    // Writing into a terminal's input would be typing for the person before it.
    let typing = [(1, SeccompCmpOp::Ne, TIOCSTI), (1, SeccompCmpOp::Ne, TIOCLINUX)];
    rules.insert(SYS_ioctl, vec![rule(typing)?]);
    // To ask, or to be an ordinary Linux program.
    let personality = [0, 0xffff_ffff].map(|value| rule([(0, SeccompCmpOp::Eq, value)]));
    rules.insert(SYS_personality, personality.into_iter().collect::<Result<_, _>>()?);
    // Other families do not all keep to the name space of the network.
    for call in [SYS_socket, SYS_socketpair] {
        let families =
            [AF_UNIX, AF_INET, AF_INET6].map(|family| rule([(0, SeccompCmpOp::Eq, u64::from(family.unsigned_abs()))]));
        rules.insert(call, families.into_iter().collect::<Result<_, _>>()?);
    }
    Ok(rules)
}

/// All of these must hold: argument, comparison, value.
fn rule<const N: usize>(conditions: [(u8, SeccompCmpOp, u64); N]) -> Result<SeccompRule, BackendError> {
    let made = conditions.map(|(argument, operator, value)| SeccompCondition::new(argument, Dword, operator, value));
    SeccompRule::new(made.into_iter().collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_small_enough_for_the_kernel_and_names_no_call_twice() {
        let bytes = program().unwrap();
        assert_eq!(bytes.len() % 8, 0);
        assert!(bytes.len() / 8 < 4096, "{} instructions", bytes.len() / 8);
        let all = ALLOWED.len() + ALLOWED_HERE.len();
        assert_eq!(rules().unwrap().len(), all + 5, "no number stands twice");
    }

    #[test]
    fn what_leads_out_is_not_on_the_list() {
        let rules = rules().unwrap();
        for call in [
            libc::SYS_mount,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_clone3,
            libc::SYS_ptrace,
            libc::SYS_bpf,
            libc::SYS_keyctl,
            libc::SYS_perf_event_open,
            libc::SYS_userfaultfd,
            libc::SYS_io_uring_setup,
            libc::SYS_kexec_load,
            libc::SYS_init_module,
            libc::SYS_process_vm_writev,
            libc::SYS_open_by_handle_at,
        ] {
            assert!(!rules.contains_key(&call), "{call}");
        }
    }
}
