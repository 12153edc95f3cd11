// dawn.mjs PACKAGE LIST: compiles WGSL as Chromium does, with Tint inside Dawn, for a device that
// does nothing. The list and what is printed are those of hlsl.c, but for the name of the source,
// which is JSON: constants, storage buffers and bytes of immediate data of the pipeline's layout, and whether
// arguments are in a uniform buffer.
import fs from 'node:fs';

const [folder, list] = process.argv.slice(2);
const { create, globals } = await import(`${folder}/index.js`);
Object.assign(globalThis, globals);
const gpu = create(['enable-dawn-features=allow_unsafe_apis', 'backend=null']);
const adapter = await gpu.requestAdapter();
const requiredFeatures = ['subgroups'].filter((feature) => adapter.features.has(feature));
const names = ['maxStorageBuffersPerShaderStage', 'maxImmediateSize', 'maxComputeWorkgroupStorageSize',
    'maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX'];
const requiredLimits = Object.fromEntries(names.map((name) => [name, adapter.limits[name]]));
const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });

// Module and pipeline of a line; returns the messages that are errors, and the others.
async function compile(file, entryPoint, { constants, storages, immediateSize, isUniform }) {
    const errors = [], warnings = [];
    device.pushErrorScope('internal');
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code: fs.readFileSync(file, 'utf8') });
    for (const { type, message, lineNum } of (await module.getCompilationInfo()).messages) {
        (type === 'error' ? errors : warnings).push(`${lineNum}: ${message}`);
    }
    const groups = [];
    for (const [group, binding, isWritten] of storages) {
        const buffer = { type: isWritten ? 'storage' : 'read-only-storage' };
        (groups[group] ??= []).push({ binding, visibility: GPUShaderStage.COMPUTE, buffer });
    }
    if (isUniform) {
        const buffer = { type: 'uniform', hasDynamicOffset: true };
        groups.push([{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer }]);
    }
    const bindGroupLayouts = groups.map((entries) => device.createBindGroupLayout({ entries }));
    const layout = device.createPipelineLayout({ bindGroupLayouts, immediateSize });
    device.createComputePipeline({ layout, compute: { module, entryPoint, constants } });
    for (const error of [await device.popErrorScope(), await device.popErrorScope()]) {
        if (error && !errors.length) errors.push(error.message);
    }
    return [errors, warnings];
}

const lines = fs.readFileSync(list, 'utf8').split('\n').filter((line) => line);
for (const [number, line] of lines.entries()) {
    const [file, entryPoint, , layout] = line.split('\t');
    const began = process.cpuUsage();
    const [errors, warnings] = await compile(file, entryPoint, JSON.parse(layout));
    const { user } = process.cpuUsage(began);
    const messages = [...errors, ...warnings].join('\n').replaceAll('\n', '\x1f');
    console.log([number, (user / 1e6).toFixed(3), errors.length ? 1 : 0, messages].join('\t'));
}
process.exit(0);
