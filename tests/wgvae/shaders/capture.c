// Stands before the Vulkan loader $WGVAE_VULKAN as libvulkan.so.1, and writes every shader module
// that a program creates into the folder $WGVAE_CAPTURED.
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Function)(void);
typedef Function (*Lookup)(void *object, const char *name);

struct ModuleInfo { // VkShaderModuleCreateInfo
    int32_t type;
    const void *next;
    uint32_t flags;
    size_t bytes;
    const uint32_t *words;
};
typedef int32_t (*CreateModule)(void *, const struct ModuleInfo *, const void *, uint64_t *);

static Lookup instance_lookup, device_lookup;
static CreateModule create_module;
static atomic_uint count;

static int32_t capture(void *device, const struct ModuleInfo *info, const void *allocator, uint64_t *module) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%u.spv", getenv("WGVAE_CAPTURED"), count++);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(info->words, 1, info->bytes, file) != info->bytes || fclose(file)) abort();
    return create_module(device, info, allocator, module);
}

static Function of_device(void *device, const char *name) {
    Function found = device_lookup(device, name);
    if (strcmp(name, "vkCreateShaderModule")) return found;
    create_module = (CreateModule)found;
    return (Function)capture;
}

Function vkGetInstanceProcAddr(void *instance, const char *name) {
    if (!instance_lookup) {
        void *loader = dlopen(getenv("WGVAE_VULKAN"), RTLD_NOW);
        if (!loader) abort();
        instance_lookup = (Lookup)dlsym(loader, "vkGetInstanceProcAddr");
    }
    Function found = instance_lookup(instance, name);
    if (strcmp(name, "vkGetDeviceProcAddr")) return found;
    device_lookup = (Lookup)found;
    return (Function)of_device;
}
