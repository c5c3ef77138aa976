// SPDX-License-Identifier: Apache-2.0
// The shapes as signed distances to their edge, after the well-known catalogue of 2D distance functions by
// Inigo Quilez. Only + - * / and sqrtf, which IEEE 754 rounds the same way everywhere.
#include <math.h>

#include "vocabulary.h"

static float length(float x, float y)
{
    return sqrtf(x * x + y * y);
}

static float disc(struct point p, float x, float y, float radius)
{
    return length(p.x - x, p.y - y) - radius;
}

static float box(struct point p, float left, float top, float right, float bottom)
{
    float dx = fabsf(p.x - 0.5f * (left + right)) - 0.5f * (right - left);
    float dy = fabsf(p.y - 0.5f * (top + bottom)) - 0.5f * (bottom - top);
    return length(fmaxf(dx, 0), fmaxf(dy, 0)) + fminf(fmaxf(dx, dy), 0);
}

// Distance to the nearest edge; the sign flips at every edge that a ray to the left crosses.
float polygon_distance(struct point p, const struct point *corner, size_t n)
{
    float nearest = INFINITY, sign = 1;
    for (size_t i = 0, j = n - 1; i < n; j = i++) {
        float ex = corner[j].x - corner[i].x, ey = corner[j].y - corner[i].y;
        float wx = p.x - corner[i].x, wy = p.y - corner[i].y;
        float along = fminf(fmaxf((wx * ex + wy * ey) / (ex * ex + ey * ey), 0), 1);
        float bx = wx - ex * along, by = wy - ey * along;
        nearest = fminf(nearest, bx * bx + by * by);

        bool below = p.y >= corner[i].y, above = p.y < corner[j].y;
        bool left = ex * wy > ey * wx;
        if ((below && above && left) || (!below && !above && !left))
            sign = -sign;
    }
    return sign * sqrtf(nearest);
}

#define POLYGON(name, ...)                                                                                   \
    static float name(struct point p)                                                                        \
    {                                                                                                        \
        static const struct point corner[] = {__VA_ARGS__};                                                  \
        return polygon_distance(p, corner, sizeof corner / sizeof corner[0]);                                \
    }

POLYGON(square, {-0.82f, -0.82f}, {0.82f, -0.82f}, {0.82f, 0.82f}, {-0.82f, 0.82f})
POLYGON(rectangle, {-1.0f, -0.5f}, {1.0f, -0.5f}, {1.0f, 0.5f}, {-1.0f, 0.5f})
POLYGON(diamond, {0, -1.05f}, {0.68f, 0}, {0, 1.05f}, {-0.68f, 0})
POLYGON(triangle, {0, -0.95f}, {1.0f, 0.8f}, {-1.0f, 0.8f})
POLYGON(trapezoid, {-0.45f, -0.6f}, {0.45f, -0.6f}, {1.0f, 0.6f}, {-1.0f, 0.6f})
POLYGON(pentagon, {0, -1.0f}, {0.951f, -0.309f}, {0.588f, 0.809f}, {-0.588f, 0.809f}, {-0.951f, -0.309f})
POLYGON(hexagon, {1.0f, 0}, {0.5f, 0.866f}, {-0.5f, 0.866f}, {-1.0f, 0}, {-0.5f, -0.866f}, {0.5f, -0.866f})
POLYGON(star, {0, -1.05f}, {0.26f, -0.357f}, {1.0f, -0.324f}, {0.419f, 0.137f}, {0.617f, 0.849f}, {0, 0.441f},
    {-0.617f, 0.849f}, {-0.419f, 0.137f}, {-1.0f, -0.324f}, {-0.26f, -0.357f})
POLYGON(cross, {-0.33f, -1.0f}, {0.33f, -1.0f}, {0.33f, -0.33f}, {1.0f, -0.33f}, {1.0f, 0.33f},
    {0.33f, 0.33f}, {0.33f, 1.0f}, {-0.33f, 1.0f}, {-0.33f, 0.33f}, {-1.0f, 0.33f}, {-1.0f, -0.33f},
    {-0.33f, -0.33f})
POLYGON(arrow, {-1.05f, -0.28f}, {0.1f, -0.28f}, {0.1f, -0.78f}, {1.05f, 0}, {0.1f, 0.78f}, {0.1f, 0.28f},
    {-1.05f, 0.28f})
POLYGON(
    bolt, {0.3f, -1.1f}, {-0.65f, 0.18f}, {-0.08f, 0.18f}, {-0.3f, 1.1f}, {0.65f, -0.25f}, {0.08f, -0.25f})
POLYGON(house, {0, -1.0f}, {1.0f, -0.15f}, {0.7f, -0.15f}, {0.7f, 0.9f}, {0.22f, 0.9f}, {0.22f, 0.25f},
    {-0.22f, 0.25f}, {-0.22f, 0.9f}, {-0.7f, 0.9f}, {-0.7f, -0.15f}, {-1.0f, -0.15f})
POLYGON(tree, {0, -1.1f}, {0.55f, -0.4f}, {0.28f, -0.4f}, {0.82f, 0.45f}, {0.18f, 0.45f}, {0.18f, 1.0f},
    {-0.18f, 1.0f}, {-0.18f, 0.45f}, {-0.82f, 0.45f}, {-0.28f, -0.4f}, {-0.55f, -0.4f})
POLYGON(cone, {0, -1.1f}, {0.557f, 0.02f}, {0, 0.33f}, {-0.557f, 0.02f})

static float circle(struct point p)
{
    return disc(p, 0, 0, 0.95f);
}
static float ring(struct point p)
{
    return fabsf(length(p.x, p.y) - 0.72f) - 0.26f;
}
static float crescent(struct point p)
{
    return fmaxf(disc(p, 0.1f, 0, 1.0f), -disc(p, 0.55f, 0, 0.82f));
}
static float drop(struct point p)
{
    return fminf(disc(p, 0, 0.33f, 0.66f), cone(p));
}

static float oval(struct point p)
{
    const float a = 1.05f, b = 0.6f;
    float k = length(p.x / a, p.y / b), gradient = length(p.x / (a * a), p.y / (b * b));
    return gradient > 0 ? k * (k - 1) / gradient : -b;
}

// In its own frame the heart stands on its tip at the origin and is about 1.1 high.
static float heart(struct point p)
{
    const float scale = 0.6f;
    float x = fabsf(p.x) * scale, y = (0.93f - p.y) * scale;
    if (x + y > 1)
        return (length(x - 0.25f, y - 0.75f) - 0.353553f) / scale;
    float diagonal = 0.5f * fmaxf(x + y, 0);
    float nearest = fminf(length(x, y - 1), length(x - diagonal, y - diagonal));
    return (x > y ? nearest : -nearest) / scale;
}

static float flower(struct point p)
{
    static const struct point petal[] = {
        {0, -0.64f},
        {0.609f, -0.198f},
        {0.376f, 0.518f},
        {-0.376f, 0.518f},
        {-0.609f, -0.198f},
    };
    float d = disc(p, 0, 0, 0.5f);
    for (size_t i = 0; i < sizeof petal / sizeof petal[0]; i++)
        d = fminf(d, disc(p, petal[i].x, petal[i].y, 0.38f));
    return fmaxf(d, -disc(p, 0, 0, 0.2f));
}

static float cloud(struct point p)
{
    float left = disc(p, -0.58f, 0.16f, 0.42f), middle = disc(p, -0.08f, -0.14f, 0.54f),
          right = disc(p, 0.55f, 0.12f, 0.46f);
    return fminf(fminf(fminf(left, middle), right), box(p, -0.58f, 0, 0.55f, 0.58f));
}

static float key(struct point p)
{
    float bow = fabsf(disc(p, -0.58f, 0, 0.33f)) - 0.14f;
    float blade = box(p, -0.2f, -0.13f, 1.05f, 0.13f);
    float teeth = fminf(box(p, 0.5f, 0, 0.68f, 0.46f), box(p, 0.86f, 0, 1.05f, 0.46f));
    return fminf(bow, fminf(blade, teeth));
}

// clang-format off
const struct shape shapes[N_SHAPES] = {
    {{"circle", {"disc", "disk", "round shape"}},
        {"circles", {"discs", "disks", "round shapes"}}, circle, true},
    {{"oval", {"ellipse", "oval shape"}},
        {"ovals", {"ellipses", "oval shapes"}}, oval, false},
    {{"ring", {"donut", "doughnut", "hoop"}},
        {"rings", {"donuts", "doughnuts", "hoops"}}, ring, false},
    {{"crescent", {"crescent moon", "moon", "half moon"}},
        {"crescents", {"crescent moons", "moons", "half moons"}}, crescent, false},
    {{"heart", {"love heart", "heart shape"}},
        {"hearts", {"love hearts", "heart shapes"}}, heart, true},
    {{"flower", {"blossom", "bloom"}},
        {"flowers", {"blossoms", "blooms"}}, flower, false},
    {{"drop", {"teardrop", "raindrop", "droplet"}},
        {"drops", {"teardrops", "raindrops", "droplets"}}, drop, false},
    {{"cloud", {"cloud shape", "cloud symbol"}},
        {"clouds", {"cloud shapes", "cloud symbols"}}, cloud, false},
    {{"square", {"square shape", "square box"}},
        {"squares", {"square shapes", "square boxes"}}, square, true},
    {{"rectangle", {"oblong", "rectangular shape"}},
        {"rectangles", {"oblongs", "rectangular shapes"}}, rectangle, false},
    {{"diamond", {"rhombus", "lozenge"}},
        {"diamonds", {"rhombuses", "lozenges"}}, diamond, false},
    {{"triangle", {"triangular shape"}},
        {"triangles", {"triangular shapes"}}, triangle, false},
    {{"trapezoid", {"trapezium"}},
        {"trapezoids", {"trapeziums"}}, trapezoid, false},
    {{"pentagon", {"pentagonal shape"}},
        {"pentagons", {"pentagonal shapes"}}, pentagon, true},
    {{"hexagon", {"hexagonal shape"}},
        {"hexagons", {"hexagonal shapes"}}, hexagon, true},
    {{"star", {"star shape", "star symbol"}},
        {"stars", {"star shapes", "star symbols"}}, star, false},
    {{"cross", {"plus", "plus sign"}},
        {"crosses", {"pluses", "plus signs"}}, cross, false},
    {{"arrow", {"pointer", "arrow sign"}},
        {"arrows", {"pointers", "arrow signs"}}, arrow, false},
    {{"bolt", {"lightning bolt", "lightning", "thunderbolt"}},
        {"bolts", {"lightning bolts", "flashes", "thunderbolts"}}, bolt, false},
    {{"house", {"home", "cottage", "hut"}},
        {"houses", {"homes", "cottages", "huts"}}, house, false},
    {{"tree", {"fir", "fir tree", "pine tree"}},
        {"trees", {"firs", "fir trees", "pine trees"}}, tree, false},
    {{"key", {"door key"}},
        {"keys", {"door keys"}}, key, false},
};
// clang-format on
