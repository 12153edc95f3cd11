// hlsl fxc|dxc DLL LIST: compiles HLSL on Windows or Wine as wgpu-hal 30 does, with FXC or DXC, on all
// processors. A line of the list has a file, an entry point, a profile and the name of the source,
// between tabs. Prints a line for each as it is done: its number, CPU seconds, 0 or an error code, and
// the messages, between tabs, with line feeds as 0x1f.
#define COBJMACROS
#include <windows.h>
#include <d3dcommon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef HRESULT(WINAPI *D3DCompileFn)(const void *, SIZE_T, const char *, const void *, void *,
    const char *, const char *, UINT, UINT, ID3DBlob **, ID3DBlob **);
typedef HRESULT(WINAPI *CreateFn)(const GUID *, const GUID *, void **);
enum { STRICTNESS = 1 << 11, UTF8 = 65001, OUT_ERRORS = 2 };

// Of dxcapi.h, which mingw lacks: interfaces are called by the number of the method.
static const GUID DXC_COMPILER = {0x73e22d93, 0xe6ce, 0x47f3, {0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0}};
static const GUID COMPILER_3 = {0x228b4687, 0x5a6a, 0x4730, {0x90, 0x0c, 0x97, 0x02, 0xb2, 0x20, 0x3f, 0x54}};
static const GUID RESULT = {0x58346cda, 0xdde7, 0x4497, {0x94, 0x61, 0x6f, 0x87, 0xaf, 0x5e, 0x06, 0x59}};
static const GUID BLOB_UTF8 = {0x3da636c9, 0xba71, 0x4024, {0xa3, 0x01, 0x30, 0xcb, 0xf1, 0x25, 0x30, 0x5b}};
struct Source { const void *text; SIZE_T bytes; UINT encoding; };
typedef HRESULT(WINAPI *CompileFn)(void *, const struct Source *, const WCHAR **, UINT, void *, const GUID *, void **);
typedef HRESULT(WINAPI *StatusFn)(void *, HRESULT *);
typedef HRESULT(WINAPI *OutputFn)(void *, UINT, const GUID *, void **, void **);
typedef const char *(WINAPI *PointerFn)(void *);
typedef ULONG(WINAPI *ReleaseFn)(void *);
#define METHOD(object, number, type) ((type)(*(void ***)(object))[number])

struct Job { char *file, *entry, *profile, *name; };

static double cpu_seconds(void) {
    FILETIME begun, ended, kernel, user;
    GetThreadTimes(GetCurrentThread(), &begun, &ended, &kernel, &user);
    ULARGE_INTEGER ticks = {{user.dwLowDateTime, user.dwHighDateTime}};
    return ticks.QuadPart * 1e-7;
}

static char *whole(const char *path, SIZE_T *bytes) {
    FILE *file = fopen(path, "rb");
    if (!file) { fprintf(stderr, "no %s\n", path); exit(2); }
    fseek(file, 0, SEEK_END);
    *bytes = ftell(file);
    rewind(file);
    char *text = calloc(*bytes + 1, 1);
    if (fread(text, 1, *bytes, file) != *bytes) exit(2);
    fclose(file);
    return text;
}

static HRESULT fxc(D3DCompileFn compile, const struct Job *job, const char *text, SIZE_T bytes, char **message) {
    ID3DBlob *code = NULL, *errors = NULL;
    HRESULT result = compile(text, bytes, job->name, NULL, NULL, job->entry, job->profile, STRICTNESS, 0, &code, &errors);
    if (errors) {
        *message = strdup(ID3D10Blob_GetBufferPointer(errors));
        ID3D10Blob_Release(errors);
    }
    if (code) ID3D10Blob_Release(code);
    return result;
}

static WCHAR *wide(const char *text) {
    WCHAR *found = calloc(strlen(text) + 1, sizeof(WCHAR));
    for (int i = 0; text[i]; i++) found[i] = text[i];
    return found;
}

// With -Wall where wgpu has -no-warnings.
static HRESULT dxc(void *compiler, const struct Job *job, const char *text, SIZE_T bytes, char **message) {
    const WCHAR *arguments[] = {wide(job->name), L"-E", wide(job->entry), L"-T", wide(job->profile),
        L"-HV", L"2018", L"-Wall", L"-Ges"};
    struct Source source = {text, bytes, UTF8};
    void *result = NULL, *errors = NULL;
    HRESULT status = METHOD(compiler, 3, CompileFn)(compiler, &source, arguments, 9, NULL, &RESULT, &result);
    if (status) return status;
    METHOD(result, 3, StatusFn)(result, &status);
    METHOD(result, 7, OutputFn)(result, OUT_ERRORS, &BLOB_UTF8, &errors, NULL);
    if (errors) {
        *message = strdup(METHOD(errors, 3, PointerFn)(errors));
        METHOD(errors, 2, ReleaseFn)(errors);
    }
    METHOD(result, 2, ReleaseFn)(result);
    return status;
}

static FARPROC start;
static int is_fxc;
static struct Job *jobs;
static LONG count, begun;

static DWORD WINAPI work(void *unused) {
    void *compiler = NULL;
    if (!is_fxc && ((CreateFn)start)(&DXC_COMPILER, &COMPILER_3, &compiler)) exit(2);
    for (LONG number; (number = InterlockedIncrement(&begun) - 1) < count;) {
        const struct Job *job = &jobs[number];
        SIZE_T bytes;
        char *text = whole(job->file, &bytes), *message = NULL;
        double before = cpu_seconds();
        HRESULT result = is_fxc ? fxc((D3DCompileFn)start, job, text, bytes, &message) : dxc(compiler, job, text, bytes, &message);
        double seconds = cpu_seconds() - before;
        for (char *at = message; at && *at; at++) if (*at == '\n') *at = 0x1f;
        printf("%ld\t%.3f\t%lx\t%s\n", number, seconds, result, message ? message : "");
        fflush(stdout);
        free(message);
        free(text);
    }
    return 0;
}

int main(int argument_count, char **arguments) {
    HMODULE library = argument_count == 4 ? LoadLibraryA(arguments[2]) : NULL;
    if (!library) { fprintf(stderr, "no library: %lu\n", GetLastError()); return 2; }
    is_fxc = !strcmp(arguments[1], "fxc");
    start = GetProcAddress(library, is_fxc ? "D3DCompile" : "DxcCreateInstance");
    if (!start) return 2;
    SIZE_T bytes;
    char *next = whole(arguments[3], &bytes);
    for (char *at = next; *at; at++) count += *at == '\n';
    jobs = calloc(count, sizeof *jobs);
    for (LONG number = 0; number < count; number++) {
        char **fields[] = {&jobs[number].file, &jobs[number].entry, &jobs[number].profile, &jobs[number].name};
        for (int i = 0; i < 4; i++) {
            *fields[i] = next;
            next += strcspn(next, "\t\n");
            *next++ = 0;
        }
    }
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    HANDLE threads[MAXIMUM_WAIT_OBJECTS];
    DWORD thread_count = min(system.dwNumberOfProcessors, MAXIMUM_WAIT_OBJECTS);
    for (DWORD i = 0; i < thread_count; i++) threads[i] = CreateThread(NULL, 0, work, NULL, 0, NULL);
    WaitForMultipleObjects(thread_count, threads, TRUE, INFINITE);
    return 0;
}
