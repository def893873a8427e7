import{s as r}from"../chunks/Dv94lp9F.js";import{y as t}from"../chunks/B50rGwf-.js";export{t as load_css,r as start};
