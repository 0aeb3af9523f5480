// The kernels of the benchmark; the host verifies every result.

kernel void saxpy(global float *y, global const float *x, float a) {
    size_t i = get_global_id(0);
    y[i] = a * x[i] + y[i];
}

kernel void mandel(global int *out, int width, int limit) {
    int x = get_global_id(0), y = get_global_id(1);
    float cr = x * (3.0f / width) - 2.2f, ci = y * (3.0f / width) - 1.5f;
    float zr = 0, zi = 0;
    int n = 0;
    while (n < limit && zr * zr + zi * zi < 4.0f) {
        float t = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = t;
        n++;
    }
    out[y * width + x] = n;
}

kernel void blackscholes(global float *call, global const float *price, float strike, float rate,
                         float volatility, float years) {
    size_t i = get_global_id(0);
    float s = price[i], root = volatility * sqrt(years);
    float d1 = (log(s / strike) + (rate + 0.5f * volatility * volatility) * years) / root;
    float d2 = d1 - root;
    float n1 = 0.5f * erfc(-d1 * M_SQRT1_2_F), n2 = 0.5f * erfc(-d2 * M_SQRT1_2_F);
    call[i] = s * n1 - strike * exp(-rate * years) * n2;
}

kernel void sincospow(global float *out, global const float *in) {
    size_t i = get_global_id(0);
    float x = in[i];
    out[i] = sin(x) * cos(x) + pow(fabs(x) + 0.5f, 1.3f);
}

kernel void gemm_naive(global float *c, global const float *a, global const float *b, int n) {
    int col = get_global_id(0), row = get_global_id(1);
    float sum = 0;
    for (int k = 0; k < n; k++) sum += a[row * n + k] * b[k * n + col];
    c[row * n + col] = sum;
}

kernel __attribute__((reqd_work_group_size(16, 16, 1)))
void gemm_tiled(global float *c, global const float *a, global const float *b, int n) {
    local float ta[16][16], tb[16][16];
    int lx = get_local_id(0), ly = get_local_id(1), col = get_global_id(0), row = get_global_id(1);
    float sum = 0;
    for (int t = 0; t < n; t += 16) {
        ta[ly][lx] = a[row * n + t + lx];
        tb[ly][lx] = b[(t + ly) * n + col];
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < 16; k++) sum += ta[ly][k] * tb[k][lx];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    c[row * n + col] = sum;
}

kernel void nbody(global float4 *out, global const float4 *p, int n) {
    size_t i = get_global_id(0);
    float4 me = p[i];
    float3 force = 0;
    for (int j = 0; j < n; j++) {
        float4 other = p[j];
        float3 d = other.xyz - me.xyz;
        float r = rsqrt(d.x * d.x + d.y * d.y + d.z * d.z + 0.01f);
        force += d * (other.w * r * r * r);
    }
    out[i] = (float4)(force, 0);
}

kernel void reduce(global uint *out, global const uint *in, local uint *scratch) {
    size_t l = get_local_id(0);
    scratch[l] = in[get_global_id(0)];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (size_t k = get_local_size(0) / 2; k > 0; k /= 2) {
        if (l < k) scratch[l] += scratch[l + k];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (l == 0) out[get_group_id(0)] = scratch[0];
}

kernel void histogram(global uint *bins, global const uchar *in) {
    local uint mine[256];
    for (size_t i = get_local_id(0); i < 256; i += get_local_size(0)) mine[i] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < 16; k++) atomic_inc(&mine[in[get_global_id(0) * 16 + k]]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (size_t i = get_local_id(0); i < 256; i += get_local_size(0)) atomic_add(&bins[i], mine[i]);
}

struct Tree { uint key; uint value; global struct Tree *left, *right; };
kernel void tree(global uint *out, global struct Tree *root, global const uint *keys) {
    size_t i = get_global_id(0);
    uint key = keys[i], found = 0;
    global struct Tree *node = root;
    while (node) {
        if (node->key == key) { found = node->value; break; }
        node = key < node->key ? node->left : node->right;
    }
    out[i] = found;
}

kernel void stencil(global float *out, global const float *in, int width) {
    int x = get_global_id(0) + 1, y = get_global_id(1) + 1;
    int i = y * width + x;
    out[i] = 0.5f * in[i] + 0.125f * (in[i - 1] + in[i + 1] + in[i - width] + in[i + width]);
}

kernel void scan(global uint *data, local uint *scratch) {
    size_t l = get_local_id(0), n = get_local_size(0);
    scratch[l] = data[get_global_id(0)];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (size_t step = 1; step < n; step *= 2) {
        uint add = l >= step ? scratch[l - step] : 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        scratch[l] += add;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    data[get_global_id(0)] = scratch[l];
}

kernel void count(global int *counter) { atomic_add(counter, 3); }
