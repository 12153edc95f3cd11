//! The devices that tests run on: the CPU in f32, and every GPU adapter of the machine. Where there
//! is none, the GPU tests fail and say what to install.

use std::sync::OnceLock;
use wgvae::device::Session;
use wgvae::device::cpu::CpuSession;
use wgvae::device::gpu::{AdapterInfo, Adapters, Gpu, GpuSession};

/// What to do where there is no adapter.
pub(crate) const NO_ADAPTER: &str = "no GPU adapter: install a Vulkan driver, on Debian or Ubuntu \
    `apt-get install mesa-vulkan-drivers libvulkan1` for one that runs on the CPU";

/// Every adapter, opened once.
pub(crate) fn gpus() -> &'static [Gpu] {
    static GPUS: OnceLock<Vec<Gpu>> = OnceLock::new();
    GPUS.get_or_init(|| {
        let adapters = Adapters::enumerate();
        assert!(!adapters.list().is_empty(), "{NO_ADAPTER}");
        let open = |info: &AdapterInfo| match adapters.open(info.index) {
            Ok(gpu) => gpu,
            Err(error) => panic!("{error}"),
        };
        adapters.list().iter().map(open).collect()
    })
}

/// A GPU for runs of the program, as `--device` takes it, and what it is: llvmpipe where it is there, since
/// a driver that runs on the CPU is as good as any, else the best adapter.
pub(crate) fn any_gpu() -> (&'static str, AdapterInfo) {
    let adapters = Adapters::enumerate();
    let info = |index: usize| adapters.list()[index].clone();
    match (adapters.named("llvmpipe"), adapters.best(true)) {
        (Some(index), _) => ("llvmpipe", info(index)),
        (None, Ok(Some(index))) => ("gpu", info(index)),
        _ => panic!("{NO_ADAPTER}"),
    }
}

/// An empty session on each adapter, and on the CPU in f32.
pub(crate) fn sessions() -> Vec<Box<dyn Session>> {
    let gpu = |gpu: &Gpu| Box::new(GpuSession::new(gpu.clone())) as Box<dyn Session>;
    let mut sessions: Vec<_> = gpus().iter().map(gpu).collect();
    sessions.push(Box::new(CpuSession::<f32>::new()));
    sessions
}
